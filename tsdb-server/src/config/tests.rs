//! Tests of the flags.

use clap::error::ErrorKind;

use super::*;

fn parse(args: &[&str]) -> Result<Config, clap::Error> {
    Config::try_parse_from(std::iter::once("tsdb-server").chain(args.iter().copied()))
}

#[test]
fn short_forms_are_the_same_flags() {
    let short = parse(&["--data-dir", "/x", "--listen", "h:1"]).unwrap();
    let long = parse(&["--storage.tsdb.path=/x", "--web.listen-address=h:1"]).unwrap();
    assert_eq!((short.data_dir, short.listen), (long.data_dir, long.listen));
}

#[test]
fn unknown_flags_are_errors_with_a_hint() {
    let error = parse(&["--storage.tsdb.pth", "/x"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownArgument);
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("--storage.tsdb.path"), "{error}");
}

#[test]
fn durability_is_a_named_choice() {
    assert_eq!(
        parse(&["--storage.wal.durability=interval:1s"])
            .unwrap()
            .durability,
        Durability::Interval(Duration::from_secs(1))
    );
    assert!(parse(&["--storage.wal.durability=sometimes"]).is_err());
    assert!(parse(&["--storage.wal.durability=always:1s"]).is_err());
}

#[test]
fn what_is_experimental_is_on_unless_switched_off() {
    assert!(parse(&[]).unwrap().parse_options().experimental);
    let off = parse(&["--query.no-experimental"]).unwrap();
    assert!(!off.parse_options().experimental);
}

#[test]
fn features_switch_the_engine() {
    let flags = ["--enable-feature=promql-delayed-name-removal,nosuch"];
    let options = parse(&flags).unwrap().engine_options();
    assert!(options.delayed_name_removal && !options.use_start_timestamps);
    let again = [
        "--enable-feature=x",
        "--enable-feature=use-start-timestamps",
    ];
    assert!(parse(&again).unwrap().engine_options().use_start_timestamps);
}

#[test]
fn flags_are_checked_together() {
    assert!(parse(&[]).unwrap().check().is_ok());
    for bad in [
        [
            "--storage.tsdb.min-block-duration=2d",
            "--storage.tsdb.max-block-duration=1d",
        ],
        ["--storage.tsdb.min-block-duration=10s", "--log.level=info"],
        ["--web.listen-address=localhost", "--log.level=info"],
        ["--query.timeout=0", "--log.level=info"],
        ["--query.max-expression-depth=513", "--log.level=info"],
        ["--query.max-memory-bytes=0", "--log.level=info"],
    ] {
        assert!(parse(&bad).unwrap().check().is_err(), "{bad:?}");
    }
}

#[test]
fn every_flag_is_shown_under_its_name() {
    use clap::CommandFactory;
    let flags = parse(&[]).unwrap().flags();
    let shown: Vec<&str> = flags.iter().map(|(name, _)| *name).collect();
    let command = Config::command();
    let mut defined: Vec<&str> = command
        .get_arguments()
        .filter_map(|a| a.get_long())
        .collect();
    defined.sort_unstable();
    assert_eq!(shown, defined);
    for arg in command.get_arguments() {
        let name = arg.get_long().unwrap();
        let variable = format!("TSDB_{}", name.to_uppercase().replace(['.', '-'], "_"));
        assert_eq!(arg.get_env().unwrap(), variable.as_str());
    }
}

#[test]
fn every_flag_is_documented() {
    let docs = include_str!("../../../docs/configuration.md");
    for (name, _) in parse(&[]).unwrap().flags() {
        assert!(docs.contains(&format!("| `--{name}`")), "{name}");
    }
}
