//! The instructions that images are made by: those that are made here, and what `tagger build` adds to those that take
//! something from it.

use crate::build::DEFAULT_BASE;

/// Where, in the context, what `tagger build` adds lies.
pub(crate) const ADDED: &str = ".tagger";
/// The base, as an argument of the instructions.
pub(crate) const BASE: &str = "BASE";
/// Stands for a line for each layer of weights, so that each is sent again only when it changes.
const WEIGHTS: &str = "COPY .tagger/weights/ ";

/// For a Python model. Dependencies come first, then weights, then code: what changes most comes last, and what lies
/// below is taken from the engine's cache.
///
/// Wheels are installed in a stage of their own, so that they do not stay in the image. Byte code is made here, since the
/// root cannot be written to later, and is taken without a look at its source, so that no time of a file is in it. The
/// image's files lie in a folder of the stage, which is no part of their names.
pub const PYTHON_CONTAINERFILE: &str = include_str!("containerfiles/python");
/// For a program: the libraries it loads, its weights, itself.
pub const PROGRAM_CONTAINERFILE: &str = include_str!("containerfiles/program");

/// What a program is started by in its image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Start {
    pub entrypoint: Vec<String>,
    /// `NAME=VALUE`.
    pub env: Vec<String>,
}

/// Whether something is taken from what `tagger build` adds under `name`.
pub(crate) fn takes(text: &str, name: &str) -> bool {
    copies(text).iter().any(|copy| copy.contains(&format!("{ADDED}/{name}")))
}

/// Whether something is taken from the model's folder itself. Builds of a program can leave gigabytes there, which are
/// not sent for nothing.
pub(crate) fn takes_from_folder(text: &str) -> bool {
    copies(text).iter().any(|copy| !copy.contains("--from=") && !copy.contains(&format!("{ADDED}/")))
}

/// The instructions that take files, each as one line.
fn copies(text: &str) -> Vec<String> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let takes_files = |line: &&str| is_instruction(line, "COPY") || is_instruction(line, "ADD");
    joined.lines().filter(takes_files).map(str::to_owned).collect()
}

fn is_instruction(line: &str, name: &str) -> bool {
    line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case(name))
}

/// Whether the instructions leave to us what is started: they take what `tagger build` adds, and their last stage says
/// nothing of it.
pub(crate) fn lacks_start(text: &str) -> bool {
    let last: Vec<&str> = text.lines().rev().take_while(|line| !is_instruction(line, "FROM")).collect();
    takes(text, "") && !last.iter().any(|line| is_instruction(line, "ENTRYPOINT") || is_instruction(line, "CMD"))
}

/// The base that the instructions name, where they leave it to be chosen.
pub(crate) fn base_in(text: &str) -> &str {
    let argument = text.lines().filter(|line| is_instruction(line, "ARG")).find_map(|line| {
        let (name, value) = line.trim_start().split_at_checked(3)?.1.trim().split_once('=')?;
        (name == BASE).then(|| value.trim().trim_matches('"'))
    });
    argument.unwrap_or(DEFAULT_BASE)
}

/// The instructions with what they leave to `tagger build`: a line for each of `num_weights` layers, and the start.
pub(crate) fn complete(text: &str, num_weights: usize, start: Option<&Start>) -> String {
    let mut whole = String::new();
    for line in text.lines() {
        match line.trim_start().strip_prefix(WEIGHTS) {
            Some(target) => {
                for nth in 0..num_weights {
                    whole += &format!("COPY {ADDED}/weights/{nth}/ {target}\n");
                }
            }
            None => whole += &format!("{line}\n"),
        }
    }
    if let Some(Start { entrypoint, env }) = start {
        for pair in env {
            whole += &format!("ENV {pair}\n");
        }
        whole += &format!("ENTRYPOINT {}\n", serde_json::json!(entrypoint));
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn weights_get_a_layer_each_and_the_start_comes_last() {
        let start = Start { entrypoint: vec!["/usr/bin/light".into(), "--quick".into()], env: vec!["A=b".into()] };
        assert_snapshot!(complete(PROGRAM_CONTAINERFILE, 2, Some(&start)), @r#"
        # How `tagger build` makes the image. Beside the folder's files it puts .tagger/: the program that `command` in
        # tagger.toml starts or builds, the shared libraries it loads, weights. The line with weights stands for one of each,
        # and last comes what starts the program, unless an ENTRYPOINT stands here.
        FROM scratch
        COPY .tagger/libraries/ /
        WORKDIR /elv
        COPY .tagger/weights/0/ ./
        COPY .tagger/weights/1/ ./
        COPY .tagger/program/ /
        # Nobody, who needs no rights. Weights are kept between runs in /root/.cache all the same.
        ENV HOME=/root
        USER 65534:65534
        ENV A=b
        ENTRYPOINT ["/usr/bin/light","--quick"]
        "#);
        let none = complete(PYTHON_CONTAINERFILE, 0, None);
        assert!(!none.contains("weights/") && !none.contains("ENTRYPOINT ["), "{none}");
    }

    #[test]
    fn the_base_can_be_chosen_and_has_a_default() {
        assert_eq!(base_in(PYTHON_CONTAINERFILE), DEFAULT_BASE);
        assert_eq!(base_in("ARG BASE=\"team/base:2\"\nFROM ${BASE}\n"), "team/base:2");
        assert_eq!(base_in("FROM scratch\n"), DEFAULT_BASE);
    }

    #[test]
    fn only_what_takes_from_us_is_completed() {
        let own = "FROM team/base\nCOPY x /x\n";
        assert!(takes("COPY --chown=0 \\\n  .tagger/code/ ./\n", "code/"), "an instruction may go over lines");
        assert!(!lacks_start(own) && takes_from_folder(own) && !takes(own, "code"));
        let ours = PYTHON_CONTAINERFILE;
        assert!(lacks_start(ours) && !takes_from_folder(ours) && takes(ours, "wheels") && !takes(ours, "program"));
        assert!(!lacks_start(&format!("{ours}entrypoint [\"/x\"]\n")));
        assert!(lacks_start(&format!("FROM a\nCMD [\"/x\"]\n{ours}")), "what other stages start is theirs");
    }
}
