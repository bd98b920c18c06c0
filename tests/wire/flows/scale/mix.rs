//! What a deployment of a million users does on a day, and what is assumed of prices and times.

/// An operation of the day.
pub(super) struct Operation {
    pub(super) name: &'static str,
    /// How often a day.
    pub(super) a_day: u32,
    /// Requests at the gateway for one time.
    pub(super) requests: u32,
    /// Memory of the function that answers, in MB; 0 where none does.
    pub(super) memory: u32,
    /// Milliseconds that its function computes, beside what every function takes.
    pub(super) computes: u32,
    /// Milliseconds that the work function computes or waits for others, for what follows.
    pub(super) works: u32,
}

const fn request(name: &'static str, a_day: u32) -> Operation {
    Operation { name, a_day, requests: 1, memory: 256, computes: 0, works: 0 }
}

const fn requests(name: &'static str, a_day: u32, requests: u32) -> Operation {
    Operation { name, a_day, requests, memory: 256, computes: 0, works: 0 }
}

/// One whose function hashes a password.
const fn hashing(name: &'static str, a_day: u32) -> Operation {
    Operation { name, a_day, requests: 1, memory: 1024, computes: 60, works: 0 }
}

/// One that no request asks for; the work function computes for so many milliseconds.
const fn background(name: &'static str, a_day: u32, works: u32) -> Operation {
    Operation { name, a_day, requests: 0, memory: 0, computes: 0, works }
}

/// The day: 1,000,000 users, of whom 50,000 come: 45,000 testers and 5,000 researchers.
pub(super) const DAY: [Operation; 50] = [
    hashing("sign-up", 2_000),
    request("address verified", 2_000),
    hashing("sign-in", 60_000),
    request("tokens refreshed", 250_000),
    request("own account read", 250_000),
    requests("quiz read and passed", 1_500, 2),
    request("consent given", 1_500),
    request("study created", 1_600),
    request("study launched", 1_600),
    request("study changed", 4_000),
    request("study read", 250_000),
    request("list of studies", 150_000),
    request("study approved for agents", 1_600),
    request("session begun", 48_000),
    requests("session paused and resumed", 16_000, 2),
    request("500 events", 240_000),
    request("500 events, the process is new to the session", 240_000),
    request("60 facial snapshots", 48_000),
    request("20 voice segments", 48_000),
    request("session completed", 44_000),
    background("session ended by the sweep", 4_000, 0),
    request("notes written", 40_000),
    Operation { name: "session analysed", a_day: 44_000, requests: 1, memory: 256, computes: 0, works: 20 },
    request("agent's job read", 150_000),
    request("session confirmed", 40_000),
    request("feedback", 60_000),
    request("session read", 400_000),
    request("list of sessions", 150_000),
    Operation { name: "report of a session", a_day: 30_000, requests: 1, memory: 256, computes: 0, works: 20 },
    request("report read", 100_000),
    request("API token made", 300),
    request("personal export", 200),
    request("page of the audit trail", 1_000),
    request("webhook event", 20_000),
    request("Outset: list", 200_000),
    request("Outset: study read", 400_000),
    request("Outset: study changed", 20_000),
    background("1,000 studies imported", 10, 0),
    request("participant started", 40_000),
    request("participant completed", 40_000),
    hashing("Outsend: sign-up", 500),
    hashing("Outsend: log-in", 15_000),
    Operation {
        name: "1,000 addresses verified",
        a_day: 2_000,
        requests: 1,
        memory: 1024,
        computes: 50,
        works: 100_000,
    },
    background("1,000 rows imported", 500, 50),
    background("1,000 rows filtered", 500, 50),
    background("1,000 rows sorted", 500, 50),
    request("Outsend: job read", 60_000),
    request("1,000 rows of a job read", 30_000),
    Operation { name: "job downloaded", a_day: 3_000, requests: 1, memory: 1024, computes: 200, works: 0 },
    background("sweep of a minute", 1_440, 0),
];

/// How much more there is in the busiest second than in the mean one; events come evenly.
pub(super) const PEAK: f64 = 3.0;
/// Days of a month.
pub(super) const MONTH: f64 = 30.0;
/// Milliseconds that a function takes by itself.
pub(super) const OWN_MS: f64 = 3.0;
/// Milliseconds of a call of the store, and of a transaction.
pub(super) const CALL_MS: f64 = 5.0;
pub(super) const TRANSACTION_MS: f64 = 10.0;
/// Memory of the work function, in MB.
pub(super) const WORK_MB: f64 = 1024.0;
/// GB-seconds of the live streams of a day: 2,000 of a minute, of 256 MB.
pub(super) const STREAMS_GB_S: f64 = 2_000.0 * 60.0 * 0.25;

/// US dollars: a million write units, read units, requests at the gateway, invocations.
pub(super) const WRITES: f64 = 0.625;
pub(super) const READS: f64 = 0.125;
pub(super) const GATEWAY: f64 = 3.50;
pub(super) const INVOCATIONS: f64 = 0.20;
/// US dollars for a GB-second of arm64, and for a GB in a month of table, of its backup, and for a GB of log.
pub(super) const GB_SECOND: f64 = 0.000_013_333_4;
pub(super) const STORAGE: f64 = 0.25;
pub(super) const BACKUP: f64 = 0.20;
pub(super) const LOG: f64 = 0.50;
/// Bytes that an invocation writes to the log: its own line and the platform's three.
pub(super) const LOG_BYTES: f64 = 1_200.0;
/// Days that what sessions capture is kept, and with it most of what is stored.
pub(super) const KEPT_DAYS: f64 = 180.0;
/// US dollars for a mail, and for a GB that leaves for the internet.
pub(super) const MAIL: f64 = 0.000_1;
pub(super) const TRANSFER: f64 = 0.09;
/// Bytes of an answer with its headers, in the mean.
pub(super) const ANSWER_BYTES: f64 = 3_000.0;
/// Mails of a day: an account's first, and as many others.
pub(super) const MAILS: f64 = 5_000.0;
