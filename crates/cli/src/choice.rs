//! What the user chose for a model, with `--params` and `-p`.

use anyhow::Context;
use tagger_runtime::ParamSet;

/// Parameters from `--params JSON|@FILE` and `-p KEY=VALUE`, which wins.
pub fn chosen_params(json: Option<&str>, pairs: &[String]) -> anyhow::Result<ParamSet> {
    let mut set = ParamSet::default();
    match json.map(|text| (text, text.strip_prefix('@'))) {
        None => {}
        Some((_, Some(file))) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{file}`"))?;
            set.add_json(&text).with_context(|| format!("cannot take parameters from `{file}`"))?;
        }
        Some((text, None)) => set.add_json(text)?,
    }
    for pair in pairs {
        set.add_pair(pair)?;
    }
    Ok(set)
}
