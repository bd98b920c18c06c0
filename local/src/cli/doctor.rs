//! `outscout doctor`.

use std::path::{PathBuf, absolute};

use clap::Args;
use serde_json::json;
use shared::config::Settings;

use super::output::{Failed, harmless, print};
use crate::doctor::{self, Deployment, Finding, Laptop, Level};

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Data directory
    #[arg(long, default_value = ".outscout")]
    data: PathBuf,
    /// First of the four ports that the server has or is to have
    #[arg(long, default_value_t = 4000)]
    port: u16,
    /// The folder of function binaries that the server runs as processes
    #[arg(long, value_name = "DIR")]
    lambda: Option<PathBuf>,
    /// Look at a deployment instead: the name of its stack. It takes the environment's credentials (AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["data", "port", "lambda"])]
    stack: Option<String>,
    /// The deployment's region; that of AWS_REGION without it
    #[arg(long, requires = "stack")]
    region: Option<String>,
    /// Hand what waits in the deployment's queues of dead letters to its functions again
    #[arg(long, requires = "stack")]
    put_back: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn doctor(arguments: DoctorArguments) -> Result<(), Failed> {
    if let Some(stack) = &arguments.stack {
        return deployment(stack, &arguments).await;
    }
    let name_server = Settings::variable("OUTSCOUT_DNS_SERVER").filter(|text| !text.is_empty());
    let name_server = name_server.map(|text| text.parse()).transpose();
    let name_server =
        name_server.map_err(|_| Failed::Usage("OUTSCOUT_DNS_SERVER is not an address with a port".to_owned()))?;
    let data = absolute(&arguments.data)?;
    let laptop = Laptop { data, port: arguments.port, lambda: arguments.lambda, name_server };
    told(&doctor::examine(&laptop).await, arguments.json)
}

async fn deployment(stack: &str, arguments: &DoctorArguments) -> Result<(), Failed> {
    let found = Deployment::find(stack, arguments.region.as_deref()).await?;
    let found = found.ok_or_else(|| Failed::NotFound(format!("there is no stack {stack} in this region")))?;
    let findings = if arguments.put_back { found.put_back().await } else { found.examine().await };
    told(&findings, arguments.json)
}

/// Shows findings. It fails when one of them is a problem.
fn told(findings: &[Finding], json: bool) -> Result<(), Failed> {
    let problems = findings.iter().filter(|finding| finding.level == Level::Problem).count();
    if json {
        print(&json!({"problems": problems, "findings": findings}).to_string())?;
    } else {
        for finding in findings {
            let level = match finding.level {
                Level::Ok => "ok",
                Level::Warning => "warning",
                Level::Problem => "PROBLEM",
            };
            print(&harmless(&format!("{level:<8} {}, {}: {}", finding.what, finding.place, finding.found)))?;
            if let Some(remedy) = &finding.remedy {
                print(&harmless(&format!("         do: {remedy}")))?;
            }
        }
    }
    match problems {
        0 => Ok(()),
        1 => Err(Failed::Other("one problem was found".into())),
        several => Err(Failed::Other(format!("{several} problems were found").into())),
    }
}
