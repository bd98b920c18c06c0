//! What `sam local` hands to the functions (docs/sam-local.md). It takes the variables that a template names from its shell,
//! so a file beside the store says them as `export` lines.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use serde_json::Value;
use shared::config::ExposeSecret as _;

use crate::{
    data::{DataDirectory, signing_variables},
    embedded_store::{CONTAINERS_HOST, Engine, EngineError},
};

/// Writes the file, for its owner only.
///
/// # Errors
/// When it cannot be written, or the signing keys cannot be read.
pub(crate) fn write(directory: &DataDirectory, engine: &Engine) -> Result<(), EngineError> {
    let keys = directory.signing_keys()?;
    Ok(directory.write_sam_env(exports(engine, &keys)?.as_bytes())?)
}

fn exports(engine: &Engine, keys: &[Value]) -> io::Result<String> {
    let (id, secret) = (&engine.credentials.access_key_id, &engine.credentials.secret_access_key);
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID".to_owned(), id.expose_secret().to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), secret.expose_secret().to_owned()),
        ("AWS_REGION".to_owned(), "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), seen_by_containers(&engine.endpoint)),
        ("OUTSCOUT_MAIN_TABLE".to_owned(), "main".to_owned()),
        ("OUTSCOUT_HOT_TABLE".to_owned(), "hot".to_owned()),
        ("OUTSCOUT_STAGE".to_owned(), "development".to_owned()),
    ];
    variables.extend(signing_variables(keys));
    let mut text = String::new();
    for (name, value) in variables {
        if value.contains('\'') {
            return Err(io::Error::other(format!("{name} cannot be quoted")));
        }
        text.push_str(&format!("export {name}='{value}'\n"));
    }
    Ok(text)
}

/// An endpoint of this machine as its containers reach it.
fn seen_by_containers(endpoint: &str) -> String {
    let address = endpoint.strip_prefix("http://").and_then(|address| address.parse::<SocketAddr>().ok());
    match address {
        Some(address) if own(address.ip()) => format!("http://{CONTAINERS_HOST}:{}", address.port()),
        _ => endpoint.to_owned(),
    }
}

fn own(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_have_a_name_for_their_host() {
        for (endpoint, seen) in [
            ("http://127.0.0.1:8000", "http://host.docker.internal:8000"),
            ("http://0.0.0.0:8000", "http://host.docker.internal:8000"),
            ("http://172.17.0.1:8000", "http://172.17.0.1:8000"),
        ] {
            assert_eq!(seen_by_containers(endpoint), seen);
        }
    }
}
