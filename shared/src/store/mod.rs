//! The store: entities in DynamoDB, reached through typed access patterns only.
//!
//! # Entity chart
//!
//! | entity | pk | sk | table |
//! | --- | --- | --- | --- |
//! | organization, with the value of its own gateway key once that counts, and the day of its last request | `ORG#<id>` | `ORG` | main |
//! | organization's own gateway key: how far it was brought (`gateway_keys`) | `OWNKEY#<shard>` | `ORG#<id>` | main |
//! | number of such keys; where the walk for idle ones stands | `OWNKEYS` | `COUNT`; `CURSOR` | main |
//! | organization whose gateway key is to be made, moved or removed | `WORK#gateway#<shard>` | `ORG#<id>` | main |
//! | organization's key (for lists) | `ORG#<id>` | `KEY#<key id>` | main |
//! | organization in the operator's list | `ORGS` | `ORG#<id>` | main |
//! | API key (by hash, with its organization's plan) | `KEY#<sha-256>` | `KEY` | main |
//! | user | `USER#<id>` | `USER` | main |
//! | user by address | `EMAIL#<sha-256 of the address>` | `EMAIL` | main |
//! | invitation (by hash) | `INVITE#<sha-256>` | `INVITE` | main |
//! | number of the last user | `COUNTER#USER` | `COUNTER` | main |
//! | network that a user signed in from | `USER#<id>` | `NETWORK#<sha-256 of user and network>` | main |
//! | session (by hash) | `LOGIN#<sha-256 of the cookie>` | `LOGIN` | main |
//! | user's session (for the export) | `USER#<id>` | `LOGIN#<sha-256>` | main |
//! | user's API key (by hash) | `OSK#<sha-256>` | `OSK` | main |
//! | user's API key (for lists) | `USER#<id>` | `OSK#<key id>` | main |
//! | directory of a user's unexpired keys | `USER#<id>` | `KEYS` | main |
//! | sign-in of OpenScouter: family of refresh tokens | `FAMILY#<id>` | `FAMILY` | main |
//! | user's sign-in (for the export and the deletion) | `USER#<id>` | `FAMILY#<id>` | main |
//! | API token of OpenScouter | `OSC#<id>` | `OSC` | main |
//! | directory of an organization's unexpired tokens | `ORG#<id>` | `TOKENS` | main |
//! | test token (by hash) | `TEST#<sha-256>` | `TEST` | main |
//! | tester's current test token for a study | `USER#<id>` | `TEST#<study>` | main |
//! | OAuth client | `CLIENT#<id>` | `CLIENT` | main |
//! | OAuth connection with its tokens' hashes | `CONN#<id>` | `CONN` | main |
//! | connection that a person allowed (for the export and the deletion) | `CONNS#<user>` | `CONN#<id>` | main |
//! | event of a webhook | `EVENT#<id>` | `EVENT` | main |
//! | audit record | `AUDIT#<id>` | `AUDIT` | main |
//! | tester's profile | `USER#<id>` | `PROFILE` | main |
//! | personal export; its parts; the mark that one is queued | `USER#<id>` | `EXPORT#<id>`; `EXPORT#<id>#<run>#<part>`; `EXPORTING` | main |
//! | consent of a tester | `USER#<id>` | `CONSENT#<kind>` | main |
//! | special-category data of a tester: in a partition of its own | `SPECIAL#<user>` | `SPECIAL` | main |
//! | number of the active quiz; a version with its parts | `QUIZ` | `CURRENT`; `VERSION#<8 digits>`, `#PART` | main |
//! | tester's attempts of the last day; an attempt | `USER#<id>` | `ATTEMPTS`; `ATTEMPT#<id>` | main |
//! | a tester's counts: sum and number of ratings, completed sessions | `USER#<id>` | `RATINGS` | main |
//! | where a tester stands in lists and index (`testers`) | `SPECIAL#<user>` | `MATCH` | main |
//! | tester who can be matched, by country and language (`*` any, `+` many) | `MATCH#<country>#<language>` | `<4 digits>#<tester>` | main |
//! | the same by ND category | `SPECIAL#MATCH#<country>#<language>#<category>` | `<4 digits>#<tester>` | main |
//! | study that a tester accepted, from both ends | `STUDY#<id>`; `USER#<tester>` | `ASSIGNED#<tester>`; `ASSIGNED#<study>` | main |
//! | test session | `SESS#<id>` | `SESS` | main |
//! | test session of a tester (for the export, the withdrawal and the deletion) | `USER#<tester>` | `TESTED#<session>` | main |
//! | the one session of a study and a tester | `STUDY#<id>` | `TESTER#<tester>` | main |
//! | end of a running test session | `GUARD` | `<15 digits>#<session>` | main |
//! | what a test session captured, by batch | `SESS#<id>` | `DATA#<stream>#<8 digits>` | main |
//! | notes on a test session, with their parts | `SESS#<id>` | `NOTES`, `NOTES#PART` | main |
//! | feedback, one of each role; a business user's (for the export) | `SESS#<id>`; `USER#<author>` | `FEEDBACK#<role>`; `FEEDBACK#<session>` | main |
//! | proposal | `PROP#<id>` | `PROP` | main |
//! | a study's proposals to a tester; one from its tester | `STUDY#<id>`; `USER#<tester>` | `PROPOSED#<tester>`; `PROPOSED#<proposal>` | main |
//! | message of a proposal | `PROP#<id>` | `MESSAGE` | main |
//! | message that was approved | `SENDDUE#<shard>` | `<15 digits>#<proposal>` | main |
//! | end of a proposal that can be answered; tester who accepted or paused and is to be reminded | `REMINDDUE#<shard>` | `<15 digits>#offered#<proposal>`; `<15 digits>#accepted#<proposal>#<number>`, `<15 digits>#paused#<session>#<number>` | main |
//! | how many testers accepted a study | `STUDY#<id>` | `ACCEPTED` | main |
//! | seats of a study: sessions, variants, progress (`seats`) | `STUDY#<id>` | `PLACES` | main |
//! | job of an agent | `AJOB#<id>` | `AJOB` | main |
//! | job of an agent (for the deletion) | `SESS#<session>`; `STUDY#<study>` | `AJOB#<id>` | main |
//! | report of a session or a study, with its parts | `REP#<id>` | `REPORT`, `REPORT#PART` | main |
//! | report of a study (by the study) | `STUDY#<id>` | `REPORT` | main |
//! | approval of a study's agents | `APPR#<id>` | `APPR` | main |
//! | approvals of a study that count as active (for the gate) | `STUDY#<id>` | `APPROVALS` | main |
//! | what a test session was that is being removed | `SESS#<id>` | `GONE` | main |
//! | request to be forgotten | `USER#<id>` | `ERASURE` | main |
//! | payout of a test session, whose id it has | `PAY#<id>` | `PAY` | main |
//! | payout of a tester (for the export); one that waits for the tester's account | `USER#<tester>` | `PAYOUT#<id>`; `OWED#<id>` | main |
//! | payout that is to be tried again; account that takes payouts since some waited for it | `PAYDUE#<shard>` | `<15 digits>#payout#<id>`; `<15 digits>#tester#<id>` | main |
//! | tester's account at Stripe | `USER#<tester>` | `PAYEE` | main |
//! | what Stripe's id of an account or a payout leads to | `STRIPE#<id>` | `STRIPE` | main |
//! | tester's chat at Telegram; whose a chat is | `USER#<tester>`; `TELEGRAM#<chat>` | `TELEGRAM` | main |
//! | last checkout of a study | `STUDY#<id>` | `CHECKOUT` | main |
//! | study | `STUDY#<id>` | `STUDY` | main |
//! | part of a study's long tasks | `STUDY#<id>` | `TASKS#<digest>#<2 digits>` | main |
//! | mark of a deleted study, until nothing is left of it | `STUDY#<id>` | `GONE` | main |
//! | participant session | `SESSION#<sha-256 of the token>` | `SESSION` | main |
//! | participant's single-use link | `STUDY#<id>` | `UID#<sha-256 of the uid>` | main |
//! | participant session (for the deletion) | `STUDY#<id>` | `SESSION#<sha-256 of the token>` | main |
//! | ranked collection: head | `RANK#<organization>#<collection>`, `RANK#<collection>` | `HEAD` | main |
//! | ranked collection: node | the same | `NODE#<20 digits>` | main |
//! | job: header, parameters, input, text, rows, log (`jobs`) | `JOB#<id>` | `JOB`, `PARAMS`, `IN#`, `TEXT#`, `ROW#`, `LOG#` | main |
//! | pipeline: header, definition, runs (`pipelines`) | `PIPE#<id>` | `PIPE`, `DEF`, `DEF#PART`, `RUN#<8 digits>` | main |
//! | slots of a lane | `LANE#<lane>` | `LANE` | main |
//! | job that may go next, one for each user | `LANE#<lane>` | `READY#<creation>#<job>` | main |
//! | user's waiting job | `USER#<id>` | `WAIT#<lane>#<creation>#<job>` | main |
//! | what a user has in the lanes | `USER#<id>` | `LANES` | main |
//! | requests that a user was charged in a month | `USER#<id>` | `QUOTA#<month>` | main |
//! | next moment of a job: its lifetime's or its rows' end | `DEADLINE#<shard>` | `<15 digits>#<job>` | main |
//! | number of the last veille | `COUNTER#VEILLE` | `COUNTER` | main |
//! | veille: header, template, runs with their tables and rows (`veilles`) | `VEILLE#<id>` | `VEILLE`, `TEMPLATE`, `RUN#<8 digits>`, `COLUMNS#<8 digits>`, `DATA#<8 digits>#<series>#<10 digits>` | main |
//! | veille that is to run | `VEILLEDUE#<shard>` | `<15 digits>#<id>` | main |
//! | veilles of a user that are shown; mark of each, a deleted one too | `USER#<id>` | `VEILLES`; `VEILLE#<15 digits>` | main |
//! | thread with the staff; its messages | `THREAD#<id>` | `THREAD`; `MESSAGE#<8 digits>` | main |
//! | thread that waits for the staff | `THREADS#<shard>` | `THREAD#<id>` | main |
//! | thread about a user's interest in a module | `USER#<id>` | `INTEREST#<slug>` | main |
//! | feed of a user's events: its end, with the webhooks; an event; one that waits to be published | `FEED#<user>` | `HEAD`; `EVENT#<id>`; `OUTBOX#<reference>` | main |
//! | webhook; its delivery, and that one's place by time | `FEED#<user>` | `HOOK#<id>`; `SENT#<id>#<12 digits>`, `SENTAT#<id>#<15 digits>#<12 digits>` | main |
//! | number of an event's last delivery to a webhook, once there are several | `FEED#<user>` | `RESENT#<id>#<event>` | main |
//! | what a webhook's deliveries are signed with | `HOOKSECRET#<user>` | the webhook's id | main |
//! | work that is due | `WORK#<shard>` | `WORK#<id>` | main |
//! | change of a list that many write, until it is drained | `WORK#<list>#<shard>` | `PENDING#<id>` | main |
//! | lease of such a list's drainer | `WORK#<list>#0` | `DRAIN` | main |
//! | version of the tables' schema, and how far the step to the next one has come (`schema`) | `SCHEMA` | `VERSION` | main |
//! | one-time token (by hash) | `TOKEN#<sha-256>` | `TOKEN` | hot |
//! | user's tokens of a kind that work, and those that ended | `USER#<id>` | `TOKEN#<kind>` | hot |
//! | what a later sign-up said, until its link is sent | `USER#<id>` | `SIGNUP#<work id>` | hot |
//! | authorization code | `CODE#<connection id>` | `CODE` | hot |
//! | authorization code (for the deletion) | `USER#<id>` | `CODE#<connection id>` | hot |
//! | event that was accepted in the last 30 days | `SEEN#<source>#<sha-256 of its id>` | `SEEN` | hot |
//! | log-in that is with a provider | `STATE#<sha-256>` | `STATE` | hot |
//! | who visits a host of the web, or when it may be visited again | `HOST#<host>` | `HOST` | hot |
//! | file that a job found and a user keeps; parts of one that no bucket holds (`assets`) | `ASSETS#<user>`; `ASSET#<user>#<name>` | `<sha-256>.<kind>`; `PART#<3 digits>` | hot |
//! | `robots.txt` of the last 24 hours | `ROBOTS#<origin>` | `ROBOTS` | hot |
//! | who holds a user's streams, by kind | `STREAMS#<user>` | `STREAM`, `DOWNLOAD` | hot |
//! | rate window of an owner; of nobody (of a fixed one: `<bucket>#<number>`) | `WINDOW#<sha-256 of the owner>`; `WINDOW#<sha-256 of the bucket>` | `<sha-256 of the bucket>`; `WINDOW` | hot |
//! | idempotency record, its answer sealed; parts of a long one | `IDEMPOTENCY#<sha-256 of key, path and value>` | `IDEMPOTENCY`; `IDEMPOTENCY#PART<3 digits>` | hot |
//!
//! # Access patterns
//!
//! | pattern | served by |
//! | --- | --- |
//! | key and plan of a request | one consistent `GetItem` by the key's hash, beside the rate window's update and the operation's first read |
//! | holder of a cookie, key or token, account and plan | one batch of three in a process that has seen the credential, else the credential and then a batch of two; an access token of a business user names both, so that it is always the batch |
//! | page of tokens, connections, organizations or audit records | head, nodes, one batch, as below; the audit trail has a list for each combination of filters |
//! | tokens that ended, erasures that are due, approvals that ended | first page of a collection ranked by that time |
//! | audit records that are older than two years | last page of the trail; a record goes with its places in one transaction |
//! | page of approvals, active or not, at this instant | the stored list's head and nodes, less those that ended since the last sweep (or with them), which the study's `APPROVALS` or the collection by ends name |
//! | whether a study's agents may work | one `GetItem` of `APPROVALS` |
//! | page of testers | head, nodes, one batch: a list for each combination of filters, `minSessions` by each value that somebody reached |
//! | best testers for a study | `Query` on the entries of each country and language, or category, best first, until nobody better can follow |
//! | active quiz | `CURRENT`, then the version, then the parts of a long one |
//! | a tester's consents | one batch |
//! | test session; its jobs | one `GetItem`; one batch of the ids that it names |
//! | page of test sessions | ranked collections for all, organization, study, tester, organization and tester, each also by state; placed by work |
//! | rules for a new test session | one batch: study, acceptance, proposal, existing session, seats |
//! | page of proposals | ranked collections for all, organization, study, tester, each also by state; of a study and a tester the ids beside the study |
//! | queue of drafts | ranked collections for all, organization, study: head, nodes, one batch |
//! | messages to send; proposals whose time is over and reminders | `Query` on each of the shards up to now |
//! | running test sessions whose time is over | `Query` on `GUARD` up to now |
//! | what a stream captured | `Query` on `SESS#<id>` with prefix `DATA#<stream>#` |
//! | all of a tester's sessions, connections, acceptances | `Query` on `USER#<tester>` or `CONNS#<user>` with the prefix |
//! | page of a user's events behind a cursor | one `Query` on `FEED#<user>` from the cursor on; a filter by names walks |
//! | a user's veilles | the directory, then one batch |
//! | page of a veille's runs | the header, then one `Query` on `VEILLE#<id>` between two numbers |
//! | page of what a run found | header and run in one batch; then a `Query` for each bucket from a position on, beside one batch for the columns |
//! | whose a chat at Telegram is; a tester's chat | one `GetItem` |
//! | page of payouts | ranked collections for all, organization, study and tester, each also by state; placed by work; of a tester and a study, one `GetItem` |
//! | payouts of a study | the study's sessions, whose ids they have |
//! | payouts that are due | `Query` on each of the shards up to now |
//! | payouts that wait for an account | `Query` on `USER#<tester>` with prefix `OWED#` |
//! | veilles that are due | `Query` on each of the shards up to now |
//! | page of a webhook's deliveries | head, and the first place by time that is kept, together; then one batch of numbers |
//! | delivery by its id | `Query` on the places by time of the millisecond that the id names, then one batch of numbers |
//! | deliveries of a webhook that failed since a time | places by time from there on, one batch of numbers, one of head, webhook and last deliveries |
//! | part of an export | one `GetItem`; the export names its runs and their numbers of parts |
//! | study of a caller | one consistent `GetItem` by id, of long tasks a batch of their parts; another tenant's study is "not found" |
//! | page *p* of a list | head, one batch of nodes a level, then one `BatchGetItem` of the page's members; a warm process knows the key's organization, so that the head goes out with the key, and the nodes of the head's version |
//! | page of a user's jobs | ranked collections, as below; filters by state walk |
//! | page of a user's pipelines | head, nodes, the headers, their last runs, the jobs that run: each one batch, or several at once |
//! | pipeline with a run | header, definition and run together, then one batch of the run's jobs |
//! | page of a job's rows | one backward `Query` for each chunk of the page |
//! | page of a user's threads | a ranked collection, as above: what changed last comes first |
//! | thread with its messages | one `Query` on `THREAD#<id>` |
//! | threads that wait for the staff | `Query` on each of the shards, which hold only those |
//! | next job of a lane | the lane's item, the head of its queue, the owner's item and the job |
//! | due work | `Query` on each of the shards, which hold only what is not done |
//! | gateway keys to make, move or remove | `Query` on each of the shards, which hold only what is not done |
//! | gateway keys that nobody uses | `Query` on a shard from where the last walk stood, one batch of their organizations |
//! | keys of an organization | `Query` on `ORG#<id>` with prefix `KEY#` |
//!
//! A collection's nodes are written together with the entities they rank, in one transaction that
//! is conditional on the collection's version.

mod accounts;
mod agent_orders;
mod agents;
mod api_tokens;
mod approvals;
mod assets;
mod audit;
mod checkouts;
mod chunked;
mod client;
mod collection;
mod connections;
mod consents;
mod deliveries;
mod directory;
mod drain_leases;
mod due;
mod ended_credentials;
mod erase;
mod error;
mod exports;
mod feed;
mod feedback;
mod gateway_keys;
mod group_commit;
mod hosts;
mod idempotency;
mod ingested;
mod invitations;
mod item;
mod jobs;
mod memory;
mod networks;
mod oauth_states;
mod organizations;
mod outbox;
mod outreach;
mod participants;
mod payouts;
mod pending;
mod pipelines;
mod places;
mod principals;
mod proposals;
mod publishing;
mod quiz;
mod redeliveries;
mod refresh_tokens;
mod reminders;
mod reports;
mod retry;
mod rights;
pub mod round_trips;
mod schema;
mod seats;
mod sign_ups;
mod stream_leases;
mod stripe_events;
mod studies;
mod study_creation;
mod study_items;
mod study_removal;
mod telegram;
mod test_sessions;
mod test_tokens;
mod testers;
mod threads;
mod tokens;
mod turns;
mod update;
mod user_items;
mod user_keys;
mod veilles;
mod webhook_events;
mod webhooks;
mod work;

use crate::BoxFuture;

pub use accounts::{ChangeWith, SignUp};
pub use agents::AgentOutcome;
pub use approvals::ApprovalFilter;
pub use audit::AuditFilter;
pub use client::Store;
pub use collection::Page;
pub use connections::Exchange;
pub use deliveries::DueDelivery;
pub use error::StoreError;
pub use exports::{Export, ExportState, Run};
pub use feed::EventsPage;
pub use feedback::{Feedback, FeedbackGiven};
pub use gateway_keys::{KeyTask, OwnKey, Recorded};
pub use group_commit::Drained;
pub use idempotency::{Claim, IdempotencyRecord, Replay};
pub use ingested::{IngestedBatch, ItemId};
pub use jobs::{
    Admission, Chunks, Commit, Creation, Ending, JobFilter, JobParameters, LogLine, NewJob, PackedRows, Removal,
    StoredInput, Taken,
};
pub use networks::Network;
pub use oauth_states::OauthState;
pub use organizations::{KeyWithPlan, Tenancy};
pub use outreach::{OutreachChange, OutreachScope, due_message};
pub use participants::StartOutcome;
pub use payouts::{DuePayout, PayoutFilter};
pub use pending::SharedList;
pub use pipelines::{NodeCreation, PipelineRemoval, RunCreation};
pub use principals::{Credential, Principal};
pub use proposals::{Acceptance, Accepted, Candidates, Declined, ProposalFilter, ProposalScope, Proposed};
pub use quiz::Attempted;
pub use redeliveries::{LoggedDelivery, RedeliverySlice};
pub use reminders::DueReminder;
pub(crate) use retry::after_lost_race;
pub use rights::{DueErasure, Erasure, Profile};
pub use schema::Schema;
pub use seats::Progress;
pub use stream_leases::{Lasting, Leased, Place};
pub use stripe_events::{PayoutNews, StripeEvent, StripeNews};
pub use studies::{FirstRead, StudyFilter};
pub use study_items::ListedStudy;
pub use telegram::{Linking, TelegramLink};
pub use test_sessions::{NewTest, TestCreation, TestGround, TestSessionFilter};
pub use testers::{Reachable, TesterFilter};
pub use threads::Said;
pub use tokens::Token;
pub use update::{CurrentUser, Rule, UpdateError, UserLookup, UserUpdate};
pub use user_keys::KeyCreation;
pub use veilles::{
    Claim as VeilleClaim, DueVeille, NewVeille, RunPage, RunTable, Series, Template, VeilleAndRun, VeilleCreation,
};
