//! The file of settings, and what is in force.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Arg, ArgMatches, Args, Command, CommandFactory, builder::Resettable, parser::ValueSource};

/// How far a name may be from a known one to be a slip.
const SLIP: usize = 2;
/// In characters: shorter names are near to too many others.
const LONG_ENOUGH: usize = 8;

/// A setting in force.
#[derive(Clone)]
pub struct Setting {
    /// Such as `database`.
    pub area: String,
    /// As a file has it.
    pub name: String,
    /// `None` where it is not set.
    pub value: Option<String>,
    pub source: &'static str,
    /// Not to be shown.
    pub is_secret: bool,
}

/// Reads the command line with the settings of a file as defaults: of `--config`, or of DARKROOM_CONFIG.
///
/// # Errors
/// When the file cannot be read, or has a name that nobody knows.
pub fn read<C: CommandFactory>() -> anyhow::Result<(ArgMatches, Vec<Setting>)> {
    // Whatever else is wrong is said below.
    let asked = C::command().ignore_errors(true).try_get_matches();
    let file = asked.ok().and_then(|asked| deepest(&asked).get_one::<PathBuf>("config").cloned());
    let (mut command, from_file) = match &file {
        Some(file) => with_defaults(C::command(), file)?,
        None => (C::command(), BTreeSet::new()),
    };
    let matches = command.get_matches_mut();
    // In the order in which they are declared: one that is changed moves behind the others.
    let settings = settings(&C::command(), deepest(&matches), &from_file);
    Ok((matches, settings))
}

/// The settings of a file, whatever the environment says.
///
/// # Errors
/// When the file cannot be read, or has a name that nobody knows.
pub fn read_alone<A: Args>(file: &Path) -> anyhow::Result<A> {
    let (command, _) = with_defaults(A::augment_args(Command::new("settings")), file)?;
    let command = command.mut_args(|arg| arg.env(Resettable::Reset));
    Ok(A::from_arg_matches(&command.try_get_matches_from(["settings"])?)?)
}

/// The settings of a file as the defaults of a command, and their names.
fn with_defaults(command: Command, file: &Path) -> anyhow::Result<(Command, BTreeSet<String>)> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("the configuration {shown} cannot be read"))?;
    let areas: toml::Table = toml::from_str(&text).map_err(|error| {
        // Its own words have the line, which may be that of a secret.
        let line =
            error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
        anyhow::anyhow!("the configuration {shown} is not valid TOML: line {line}: {}", error.message())
    })?;
    let (mut command, mut names) = (command, BTreeSet::new());
    for (area, settings) in areas {
        let toml::Value::Table(settings) = settings else {
            anyhow::bail!("{shown}: `{area}` must be inside an area, such as [server]");
        };
        for (name, value) in settings {
            let is_it = |arg: &&Arg| arg.get_id() == name.as_str() && area_of(arg).is_some_and(|known| known == area);
            anyhow::ensure!(
                command.get_arguments().any(|arg| is_it(&arg)),
                "{shown}: [{area}] has no setting `{name}`"
            );
            let text = text_of(&value).with_context(|| {
                format!("{shown}: `{name}` must be a string, a number, a boolean or a list of these")
            })?;
            command = command.mut_arg(&name, |arg| arg.default_value(text));
            names.insert(name);
        }
    }
    Ok((command, names))
}

fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Array(items) => items.iter().map(text_of).collect::<Option<Vec<_>>>().map(|items| items.join(",")),
        _ => None,
    }
}

fn area_of(arg: &Arg) -> Option<String> {
    arg.get_env()?;
    arg.get_help_heading().map(str::to_lowercase)
}

/// Of the subcommand: settings may be given before it and behind it.
fn deepest(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| deepest(inner))
}

fn settings(command: &Command, matches: &ArgMatches, from_file: &BTreeSet<String>) -> Vec<Setting> {
    let setting = |arg: &Arg| {
        let (area, name) = (area_of(arg)?, arg.get_id().to_string());
        let values =
            matches.get_raw(&name).map(|values| values.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(","));
        let source = match matches.value_source(&name) {
            Some(ValueSource::CommandLine) => "flag",
            Some(ValueSource::EnvVariable) => "environment",
            Some(_) if from_file.contains(&name) => "file",
            _ => "default",
        };
        Some(Setting { area, name, value: values, source, is_secret: arg.is_hide_env_values_set() })
    };
    command.get_arguments().filter_map(setting).collect()
}

/// Environment variables that look like settings and are none, each with the setting that may have been meant.
pub fn unknown_variables<C: CommandFactory>(variables: impl Iterator<Item = String>) -> Vec<(String, Option<String>)> {
    let command = C::command();
    let known: Vec<String> =
        command.get_arguments().filter_map(Arg::get_env).map(|name| name.to_string_lossy().into_owned()).collect();
    let looked_at = variables.filter(|name| !known.contains(name)).filter_map(|name| {
        let distance = |known: &&String| strsim::damerau_levenshtein(known, &name);
        let nearest = known.iter().min_by_key(distance).filter(|known| distance(known) <= SLIP);
        let nearest = nearest.filter(|known| known.len() >= LONG_ENOUGH).cloned();
        (nearest.is_some() || name.starts_with("DARKROOM_")).then_some((name, nearest))
    });
    looked_at.collect()
}
