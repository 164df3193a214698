//! `config`: the settings that are in force.

use serde_json::{Value, json};

use crate::{
    app,
    config::{Config, Setting},
};

/// What is set, for the audit log; of secrets, that they are.
pub fn in_force(settings: &[Setting]) -> Value {
    let is_set = settings.iter().filter_map(|setting| Some((setting, setting.value.as_ref()?)));
    let shown = is_set.map(|(setting, value)| {
        let value = if setting.is_secret { json!(true) } else { json!(value) };
        (setting.name.clone(), value)
    });
    Value::Object(shown.collect())
}

/// Prints a file of TOML. Secrets are named and not shown; what is computed where it is not set is a comment.
#[expect(clippy::print_stdout, reason = "the settings are what was asked for")]
pub fn print(config: &Config, settings: &[Setting]) -> anyhow::Result<()> {
    let computed = app::computed_settings(config)?;
    let mut area = "";
    for Setting { area: of, name, value, source, is_secret } in settings {
        if of != area {
            area = of;
            println!("[{area}]");
        }
        let is_computed = computed.iter().find(|(known, _)| known == name);
        match (value, is_computed) {
            (Some(_), _) if *is_secret => println!("# {name} is set, and hidden # {source}"),
            (Some(value), _) => println!("{name} = {value:?} # {source}"),
            (None, Some((_, value))) => println!("# {name} = {value:?} # computed"),
            (None, None) => println!("# {name} is not set"),
        }
    }
    Ok(())
}
