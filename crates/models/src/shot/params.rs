//! What a user may choose.

use schemars::JsonSchema;
use serde::Deserialize;

use super::detector::Settings;

/// The parameters of `shot`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How far a cut must stand out from the motion around it; lower finds more.
    #[schemars(range(min = 0.05, max = 1))]
    pub threshold: f64,
    /// No shot is shorter; of two boundaries nearer to each other the clearer one stays.
    #[schemars(range(min = 0, max = 60))]
    pub min_shot_seconds: f64,
    /// Whether a fade out and in again begins a new shot.
    pub fades: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { threshold: 0.4, min_shot_seconds: 0.2, fades: true }
    }
}

impl Params {
    /// The same, as the detector takes it.
    pub fn settings(&self) -> Settings {
        Settings { threshold: self.threshold, min_shot_seconds: self.min_shot_seconds, fades: self.fades }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_choice_the_defaults_hold() {
        let params: Params = serde_json::from_str("{}").unwrap();
        assert_eq!(params.settings(), Settings { threshold: 0.4, min_shot_seconds: 0.2, fades: true });
    }
}
