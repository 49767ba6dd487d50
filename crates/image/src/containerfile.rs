//! The instructions that a Python model's image is made by.

/// Where, in the context, what `tagger build` adds lies. A Containerfile that is kept in the model's folder finds it there
/// too.
pub(crate) const ADDED: &str = ".tagger";

/// What the instructions depend on.
pub(crate) struct Recipe<'a> {
    pub model: &'a str,
    pub base: &'a str,
    pub num_weights: usize,
    pub entrypoint: &'a [String],
}

/// The instructions. Dependencies come first, then weights, then code: what changes most comes last, and what lies below
/// is taken from the engine's cache.
///
/// Wheels are installed in a stage of their own, so that they do not stay in the image. Byte code is made here, since the
/// root cannot be written to later, and is taken without a look at its source, so that no time of a file is in it.
pub(crate) fn containerfile(recipe: &Recipe) -> String {
    let Recipe { model, base, num_weights, entrypoint } = recipe;
    let words = |words: &[&str]| serde_json::to_string(words).unwrap_or_default();
    // The image's files lie in a folder of the stage, which is no part of their names.
    let compile = |folder: &str| {
        let mode = ["--invalidation-mode", "unchecked-hash", "-s", folder, "-p", "/"];
        words(&[["python3", "-m", "compileall", "-q"].as_slice(), &mode, &[folder]].concat())
    };
    let install = words(&[
        "python3",
        "/wheels/pip.whl/pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-compile",
        "--no-cache-dir",
        "--no-warn-script-location",
        "--find-links=/wheels",
        "--root=/installed",
        "--requirement=/wheels/requirements.txt",
    ]);
    let weights: String = (0..*num_weights).map(|nth| format!("COPY {ADDED}/weights/{nth}/ ./\n")).collect();
    let entrypoint = serde_json::to_string(entrypoint).unwrap_or_default();
    format!(
        "# Made by `tagger build` for the model `{model}`. Kept as `Containerfile` in its folder, it is used as it is;\n\
         # {ADDED}/ is put beside the folder's files at each build.\n\
         FROM {base} AS dependencies\n\
         COPY {ADDED}/wheels/ /wheels/\n\
         ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PYTHONHASHSEED=0\n\
         RUN {install}\n\
         RUN {compile_installed}\n\
         \n\
         FROM {base} AS code\n\
         ENV PYTHONHASHSEED=0\n\
         COPY {ADDED}/code/ /code/elv/\n\
         RUN {compile_code}\n\
         \n\
         FROM {base}\n\
         COPY --from=dependencies /installed/ /\n\
         WORKDIR /elv\n\
         {weights}COPY --from=code /code/ /\n\
         ENTRYPOINT {entrypoint}\n",
        compile_installed = compile("/installed"),
        compile_code = compile("/code"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn dependencies_come_first_and_code_last() {
        let entrypoint = ["python3", "-u", "model.py"].map(str::to_owned);
        let recipe =
            Recipe { model: "light", base: "localhost/tagger-base:1", num_weights: 2, entrypoint: &entrypoint };
        assert_snapshot!(containerfile(&recipe), @r#"
        # Made by `tagger build` for the model `light`. Kept as `Containerfile` in its folder, it is used as it is;
        # .tagger/ is put beside the folder's files at each build.
        FROM localhost/tagger-base:1 AS dependencies
        COPY .tagger/wheels/ /wheels/
        ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PYTHONHASHSEED=0
        RUN ["python3","/wheels/pip.whl/pip","install","--quiet","--no-index","--no-deps","--no-compile","--no-cache-dir","--no-warn-script-location","--find-links=/wheels","--root=/installed","--requirement=/wheels/requirements.txt"]
        RUN ["python3","-m","compileall","-q","--invalidation-mode","unchecked-hash","-s","/installed","-p","/","/installed"]

        FROM localhost/tagger-base:1 AS code
        ENV PYTHONHASHSEED=0
        COPY .tagger/code/ /code/elv/
        RUN ["python3","-m","compileall","-q","--invalidation-mode","unchecked-hash","-s","/code","-p","/","/code"]

        FROM localhost/tagger-base:1
        COPY --from=dependencies /installed/ /
        WORKDIR /elv
        COPY .tagger/weights/0/ ./
        COPY .tagger/weights/1/ ./
        COPY --from=code /code/ /
        ENTRYPOINT ["python3","-u","model.py"]
        "#);
    }
}
