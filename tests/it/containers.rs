//! The files for containers, read as far as they can be without an engine: what they say is what the server knows.

use std::{collections::BTreeSet, fs, path::Path};

use clap::{Args, Command};
use darkroom::config::Config;
use serde::Deserialize;
use serde_yaml_ng::Value;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a file")
}

/// Every environment variable that config/ reads.
fn known() -> BTreeSet<String> {
    let command = Config::augment_args(Command::new("darkroom"));
    let names = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned));
    names.chain(["RUST_LOG".to_owned()]).collect()
}

/// The names of a service's variables, those that it merges from elsewhere included.
fn variables(environment: &Value) -> BTreeSet<String> {
    let Value::Mapping(mapping) = environment else { return BTreeSet::new() };
    let mut names = BTreeSet::new();
    for (name, value) in mapping {
        match name.as_str() {
            Some("<<") => names.extend(variables(value)),
            Some(name) => drop(names.insert(name.to_owned())),
            None => {}
        }
    }
    names
}

#[test]
fn every_variable_of_our_services_is_one_that_the_server_knows() {
    let compose: Value = serde_yaml_ng::from_str(&file("docker-compose.yml")).expect("YAML");
    let services = compose["services"].as_mapping().expect("services");
    let ours: Vec<&Value> = services.values().filter(|service| !service["build"].is_null()).collect();
    assert_eq!(ours.len(), 2);
    for service in ours {
        let set = variables(&service["environment"]);
        assert!(set.len() > 6, "{set:?}");
        let unknown: Vec<_> = set.difference(&known()).cloned().collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
    let (builds, waits) = (&services["server"], &services["server"]["depends_on"]);
    assert!(builds["stop_grace_period"].is_string());
    assert_eq!(waits["bucket"]["condition"], "service_completed_successfully");
    for name in ["postgres", "seaweedfs"] {
        assert!(!services[name]["healthcheck"].is_null(), "{name}");
    }
}

#[test]
fn every_variable_of_many_processes_is_one_that_the_server_knows() {
    let compose: Value = serde_yaml_ng::from_str(&file("deploy/compose.many.yml")).expect("YAML");
    for service in ["server", "server-2", "worker"] {
        let set = variables(&compose["services"][service]["environment"]);
        assert!(set.len() > 2 && set.is_subset(&known()), "{service}: {set:?}");
    }
    let scraped: Value = serde_yaml_ng::from_str(&file("deploy/prometheus/prometheus.yml")).expect("YAML");
    let targets = scraped["scrape_configs"][0]["static_configs"][0]["targets"].as_sequence().expect("targets");
    assert_eq!(targets, &["server:9090", "server-2:9090", "worker:9090"].map(Value::from));
}

#[test]
fn every_variable_for_kubernetes_is_one_that_the_server_knows() {
    let text = file("deploy/kubernetes/darkroom.yaml");
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    let documents: Vec<Value> = documents.map(|document| Value::deserialize(document).expect("YAML")).collect();
    let of = |kind: &str, name: &str| {
        let is_it = |document: &&Value| document["kind"] == kind && document["metadata"]["name"] == name;
        documents.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
    };
    let mut set = variables(&of("ConfigMap", "darkroom")["data"]);
    for (name, grace) in [("server", 15 + 5), ("worker", 25)] {
        let pod = &of("Deployment", name)["spec"]["template"]["spec"];
        assert!(pod["terminationGracePeriodSeconds"].as_u64() > Some(grace), "{name} has time to drain");
        let env = pod["containers"][0]["env"].as_sequence().into_iter().flatten();
        set.extend(env.filter_map(|variable| variable["name"].as_str().map(str::to_owned)));
    }
    let unknown: Vec<_> = set.difference(&known()).cloned().collect();
    assert!(set.len() > 8 && unknown.is_empty(), "{unknown:?}");
    assert_eq!(of("HorizontalPodAutoscaler", "worker")["spec"]["scaleTargetRef"]["name"], "worker");
}

#[test]
fn the_compose_file_opens_with_a_map_of_its_services() {
    let text = file("docker-compose.yml");
    let compose: Value = serde_yaml_ng::from_str(&text).expect("YAML");
    let map: String = text.lines().take_while(|line| line.starts_with('#')).collect();
    for name in compose["services"].as_mapping().expect("services").keys() {
        assert!(map.contains(name.as_str().expect("a name")), "{name:?}");
    }
}

/// A default that the server refuses would start it again and again.
#[test]
fn the_password_of_the_compose_file_is_long_enough() {
    let compose = file("docker-compose.yml");
    let default = compose.split("${ADMIN_PASSWORD:-").nth(1).and_then(|rest| rest.split('}').next());
    assert!(default.is_some_and(|default| default.len() >= 10), "{default:?}");
}

#[test]
fn the_image_is_built_in_stages_and_runs_as_nobody_in_particular() {
    let text = file("Dockerfile");
    let steps: Vec<&str> = text.lines().filter(|line| !line.starts_with([' ', '#'])).collect();
    let of = |word: &str| steps.iter().filter(|step| step.starts_with(word)).copied().collect::<Vec<_>>();
    assert_eq!(of("FROM").len(), 3);
    assert!(of("FROM")[2].contains("slim"), "the last stage is small");
    assert_eq!(of("USER"), ["USER darkroom"]);
    assert_eq!(of("HEALTHCHECK").len(), 1);
    let set = of("ENV").join(" ").replace("ENV ", "");
    for variable in set.split(' ').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name) {
        assert!(known().contains(variable), "{variable}");
    }
    // The members of the workspace have to be there for cargo, whatever is built of them.
    let manifest = file("Cargo.toml");
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = ")).expect("members");
    for member in members.trim_matches(['[', ']']).split(", ").map(|member| member.trim_matches('"')) {
        assert!(member == "." || text.contains(&format!("COPY {member} ")), "{member}");
    }
}

#[test]
fn every_variable_is_in_the_operators_manual() {
    let manual = file("docs/operations.md");
    let missing: Vec<_> = known().into_iter().filter(|name| !manual.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
