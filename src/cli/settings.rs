//! `config`: the settings that are in force.

use crate::{
    app,
    config::{Config, Setting},
};

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
