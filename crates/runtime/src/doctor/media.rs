//! FFmpeg: the libraries that are linked, and the program.

use super::{Observation, version_of};

pub async fn examine() -> Vec<Observation> {
    vec![libraries(&tagger_media::ffmpeg_release(), &tagger_media::missing_decoders()), program().await]
}

fn libraries(release: &str, missing: &[&str]) -> Observation {
    if missing.is_empty() {
        return Observation::fine("ffmpeg-libraries", format!("FFmpeg {release}"));
    }
    let found = format!("FFmpeg {release}, built without decoders for {}", missing.join(", "));
    Observation::remark("ffmpeg-libraries", found, "install a build of FFmpeg's libraries that has them")
}

/// Only some models start it.
async fn program() -> Observation {
    match version_of("ffmpeg", "-version").await {
        Some(version) => {
            let told = version.split(" Copyright").next().unwrap_or(&version);
            Observation::fine("ffmpeg-program", told)
        }
        None => Observation::remark(
            "ffmpeg-program",
            "no `ffmpeg` on the search path; a model that starts it will fail",
            "apt-get install ffmpeg",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Condition;

    #[test]
    fn what_cannot_be_decoded_is_told() {
        let found = libraries("7.1", &["h264", "hevc"]);
        assert_eq!(found.condition, Condition::Remark);
        insta::assert_snapshot!(found.found, @"FFmpeg 7.1, built without decoders for h264, hevc");
    }
}
