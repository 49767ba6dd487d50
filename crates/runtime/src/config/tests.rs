use super::*;
use insta::assert_snapshot;
use tempfile::TempDir;

/// A folder with a configuration and what it names.
fn folder(config: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("server.toml"), config).unwrap();
    std::fs::write(folder.path().join("token"), "0123456789abcdef\n").unwrap();
    for name in ["media", "models"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    folder
}

fn resolve_with(config: &str, overrides: Overrides) -> Result<Config, String> {
    let folder = folder(config);
    let overrides = Overrides { file: Some("server.toml".into()), ..overrides };
    let here = folder.path().canonicalize().unwrap();
    let told = |error: ConfigError| error.to_string().replace(&*here.to_string_lossy(), "HERE");
    Config::resolve(overrides, &here).map_err(told)
}

fn resolve(config: &str) -> Result<Config, String> {
    resolve_with(config, Overrides::default())
}

fn wrong(config: &str) -> String {
    resolve(config).unwrap_err()
}

const FULL: &str = r#"
listen = "0.0.0.0:9000"
data = "data"
token_file = "token"
roots = ["media"]
models = ["models"]

[resources]
gpus = [0, "nvidia.com/gpu=1"]
cpu = 8
memory = 32e9
processes = 4096
licence = 2

[parts]
seconds = 20
disk = "2 TB"

[retries]
part_attempts = 5
barren_attempts = 2
first_rest_seconds = 0.5
longest_rest_seconds = 10

[limits]
progress_timeout_seconds = 60
output = "100 MiB"
tags_per_part = 5000
log = "1 MB"
request = 65536

[model.ocr]
max_running = 2
priority = -1
progress_timeout_seconds = 900
resources.gpu = 2
"#;

#[test]
fn a_full_file_is_read_and_shown_resolved() {
    let folder = folder(FULL);
    let here = folder.path().canonicalize().unwrap();
    let overrides = Overrides { file: Some("server.toml".into()), ..Overrides::default() };
    let shown = Config::resolve(overrides, &here).unwrap().to_string();
    assert_snapshot!(shown.replace(&*here.to_string_lossy(), "HERE"), @r#"
    # from HERE/server.toml
    listen = "0.0.0.0:9000"
    data = "HERE/data"
    # token: set
    roots = ["HERE/media"]
    models = ["HERE/models"]

    [resources]
    gpus = ["0", "nvidia.com/gpu=1"]
    cpu = 8
    licence = 2
    memory = 32000000000
    processes = 4096

    [parts]
    seconds = 20
    disk = 2000000000000

    [store]
    keep_replaced_days = 30

    [retries]
    part_attempts = 5
    barren_attempts = 2
    first_rest_seconds = 0.5
    longest_rest_seconds = 10

    [limits]
    progress_timeout_seconds = 60
    output = 104857600
    tags_per_part = 5000
    log = 1000000
    request = 65536

    [containers]
    pull = "missing"
    gpu_kind = "nvidia.com/gpu"

    [model.ocr]
    max_running = 2
    priority = -1
    progress_timeout_seconds = 900
    resources.gpu = 2
    "#);
}

#[test]
fn what_is_shown_can_be_read_and_says_the_same() {
    let folder = folder(&FULL.replace("token_file = \"token\"", "").replace("0.0.0.0", "127.0.0.1"));
    let overrides = Overrides { file: Some("server.toml".into()), ..Overrides::default() };
    let config = Config::resolve(overrides.clone(), folder.path()).unwrap();
    std::fs::write(folder.path().join("server.toml"), config.to_string()).unwrap();
    assert_eq!(Config::resolve(overrides, folder.path()).unwrap(), config);
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let config = resolve("").unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8086");
    assert_eq!(config.rules, Rules::default());
    assert!(config.machine.amounts["cpu"] >= Amount::from_units(1.0).unwrap());
}

#[test]
fn a_model_that_says_nothing_of_resources_takes_a_processor_or_what_there_is_of_one() {
    let takes = |text: &str, resources: &[(&str, f64)]| {
        let resources = resources.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect();
        let needs = resolve(text).unwrap().needs("light", &resources).unwrap();
        needs.amounts.iter().map(|(name, amount)| format!("{name} {amount}")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(takes("[resources]\ncpu = 8", &[]), "cpu 1");
    assert_eq!(takes("[resources]\ncpu = 0.5", &[]), "cpu 0.5");
    assert_eq!(takes("[resources]\ncpu = 8\nslot = 1", &[("slot", 1.0)]), "slot 1");
    assert_eq!(takes("[resources]\ncpu = 8", &[("cpu", 0.0)]), "cpu 0");
    assert_eq!(takes("[resources]\ncpu = 8\n[model.light]\nresources.cpu = 2", &[]), "cpu 2");
}

#[test]
fn without_a_file_the_one_in_the_data_folder_is_read() {
    let folder = folder("");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let overrides = Overrides { data: Some("data".into()), ..Overrides::default() };
    assert_eq!(Config::resolve(overrides.clone(), folder.path()).unwrap().parts.length.as_secs(), 30);
    std::fs::write(data.join(CONFIG_FILE), "[parts]\nseconds = 7").unwrap();
    assert_eq!(Config::resolve(overrides, folder.path()).unwrap().parts.length.as_secs(), 7);
}

#[test]
fn errors_name_the_line_and_what_is_wrong() {
    assert_snapshot!(wrong("listen = '127.0.0.1:8086'\nlisten = '[::1]:1'"), @"HERE/server.toml:2: duplicate key");
    assert_snapshot!(wrong("\nlisten = 'localhost'"), @"HERE/server.toml:2: invalid socket address syntax");
    assert_snapshot!(wrong("data = 'x'\nlisten = "), @"HERE/server.toml:2: string values must be quoted, expected literal string");
    assert_snapshot!(wrong("roots = 'media'"), @r#"HERE/server.toml:1: invalid type: string "media", expected a sequence"#);
    assert_snapshot!(wrong("[parts]\n\nseconds = 0"), @"HERE/server.toml:3: invalid value: floating point `0.0`, expected seconds, from 0.001 to a year");
    assert_snapshot!(wrong("[parts]\ndisk = '50 gigs'"), @r#"HERE/server.toml:2: invalid value: string "50 gigs", expected a number of bytes above 0, or a text such as "50 GB""#);
    assert_snapshot!(wrong("[parts]\ndisk = -5"), @r#"HERE/server.toml:2: invalid value: integer `-5`, expected a number of bytes above 0, or a text such as "50 GB""#);
    assert_snapshot!(wrong("[retries]\npart_attempts = 0"), @"HERE/server.toml:2: invalid value: integer `0`, expected a nonzero u8");
    assert_snapshot!(wrong("[resources]\ncpu = -1"), @"HERE/server.toml:2: a resource is a number from 0; `gpus` is a list of device numbers or names");
    assert_snapshot!(wrong("[resources]\ncpu = 2\ngpus = 2"), @"HERE/server.toml:3: `gpus` is a list of devices, such as [0, 1]");
    assert_snapshot!(wrong("[resources]\ngpu = 2"), @"HERE/server.toml:2: the devices are listed, not counted: `gpus = [0, 1]`");
    assert_snapshot!(wrong("[resources]\n\ngpus = [0, 1, 0]"), @"HERE/server.toml:3: device `0` is listed twice");
    assert_snapshot!(wrong("[model.ocr]\nmax_running = 'two'"), @r#"HERE/server.toml:2: invalid type: string "two", expected a nonzero u16"#);
}

#[test]
fn an_unknown_key_is_told_with_the_one_that_was_probably_meant() {
    assert_snapshot!(wrong("data = 'x'\nlisen = '127.0.0.1:1'"), @"HERE/server.toml:2: unknown key `lisen`; did you mean `listen`?");
    assert_snapshot!(wrong("[parts]\nsecond = 30"), @"HERE/server.toml:2: unknown key `second`; did you mean `seconds`?");
    assert_snapshot!(wrong("[model.ocr]\nmax_runing = 1"), @"HERE/server.toml:2: unknown key `max_runing`; did you mean `max_running`?");
    assert_snapshot!(wrong("[retries]\ncolour = 1"), @"HERE/server.toml:2: unknown key `colour`; here may stand part_attempts, barren_attempts, first_rest_seconds, longest_rest_seconds");
}

#[test]
fn flags_and_environment_win_over_the_file() {
    let overrides = Overrides {
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 1))),
        data: Some("elsewhere".into()),
        token: Some("fedcba9876543210".into()),
        ..Overrides::default()
    };
    let config = resolve_with(FULL, overrides).unwrap();
    assert_eq!(config.listen.port(), 1);
    assert!(config.data.ends_with("elsewhere"));
    assert!(config.token.unwrap().is("fedcba9876543210"));
}

#[test]
fn the_network_is_not_let_in_without_a_good_token() {
    assert_snapshot!(wrong("listen = '0.0.0.0:8086'"), @"listening on 0.0.0.0:8086 lets the network in: set a token with `token_file` or TAGGER_TOKEN, or listen on 127.0.0.1");
    assert!(resolve("listen = '[::1]:8086'").is_ok());
    let with = |token: &str| resolve_with("", Overrides { token: Some(token.into()), ..Overrides::default() });
    assert_snapshot!(with("short").unwrap_err(), @"the token must have at least 16 visible ASCII characters, without spaces");
    assert_snapshot!(with("sixteen letters or more").unwrap_err(), @"the token must have at least 16 visible ASCII characters, without spaces");
    assert_snapshot!(wrong("token_file = 'nowhere'"), @"cannot read the token from `HERE/nowhere`");
}

#[test]
fn a_token_is_neither_shown_nor_taken_for_a_part_of_it() {
    let config = resolve(FULL).unwrap();
    assert!(!format!("{config:?} {config}").contains("0123456789abcdef"));
    let token = config.token.unwrap();
    assert!(token.is("0123456789abcdef"));
    assert!(!token.is("0123456789abcde") && !token.is("0123456789abcdeg") && !token.is(""));
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    assert_snapshot!(wrong("# media\nroots = ['media',\n 'nowhere']"), @"HERE/server.toml:3: there is no folder `HERE/nowhere`, which `roots` names");
    assert_snapshot!(wrong("roots = ['media']\nmodels = ['nowhere']"), @"HERE/server.toml:2: there is no folder `HERE/nowhere`, which `models` names");
}

#[test]
fn what_is_said_of_a_model_goes_over_its_manifest() {
    let config = resolve(FULL).unwrap();
    let needs = |model: &str, gpu: f64| config.needs(model, &BTreeMap::from([("gpu".to_owned(), gpu)]));
    assert_eq!(needs("ocr", 1.0).unwrap().gpus, 2);
    assert_eq!(needs("asr", 1.0).unwrap().gpus, 1);
    assert_snapshot!(needs("asr", 3.0).unwrap_err(), @"it needs 3 of resource `gpu`, and this machine has 2");
    assert_eq!(config.progress_timeout("ocr", Some(5.0)).as_secs(), 900);
    assert_eq!(config.progress_timeout("asr", Some(5.0)).as_secs(), 5);
    assert_eq!(config.progress_timeout("asr", None).as_secs(), 60);
}

#[test]
fn every_key_is_explained_to_operators() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/serve.md")).unwrap();
    let mut table = String::new();
    for line in resolve(FULL).unwrap().to_string().lines().chain(["token_file = x"]) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => table = format!("{}.", name.replace("model.ocr", "model.NAME")),
            None => {
                let key = line.split(" = ").next().unwrap().split(".gpu").next().unwrap();
                let table = if line.starts_with("token_file") { "" } else { &table };
                let is_known = key.is_empty() || key.starts_with('#') || key == "licence";
                assert!(is_known || page.contains(&format!("`{table}{key}`")), "{table}{key} is not in docs/serve.md");
            }
        }
    }
}
