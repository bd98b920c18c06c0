//! Texts in English and French (outsend 2.5, 3.3).

use super::format::ef_text;
use crate::model::Locale;

/// A failure's text (outsend 3.3); each variant is a row of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// bad_json; the line and column where it breaks
    BadJson(Option<(usize, usize)>),
    /// not_implemented
    NotImplemented,
    /// bad_content_type
    BadContentType,
    /// captcha
    Captcha,
    /// signup_refused
    SignUpRefused,
    /// token_invalid
    TokenInvalid,
    /// wrong_password
    WrongPassword,
    /// already_verified
    AlreadyVerified,
    /// cap_reached, for API keys
    KeyCapReached(usize),
    /// cap_reached, for messages of a thread
    ThreadFull(u64),
    /// cap_reached, for webhooks
    WebhookCapReached(usize),
    /// cap_reached, for veilles
    VeilleCapReached(usize),
    /// webhook_url
    WebhookUrl,
    /// webhook_disabled
    WebhookDisabled,
    /// delivery_pending
    DeliveryPending,
    /// test_delivery
    TestDelivery,
    /// redelivering
    Redelivering,
    /// ef_ceiling, in planned requests
    EfCeiling {
        /// What the job needs.
        need: u64,
        /// What a job may need.
        ceiling: u64,
    },
    /// ef_quota, in planned requests
    EfQuota {
        /// What the month has used.
        used: u64,
        /// What the month has.
        quota: u64,
        /// What the job needs.
        need: u64,
    },
    /// too_many_rows
    TooManyRows(usize),
    /// job_active
    JobActive,
    /// job_ended, with the status
    JobEnded(&'static str),
    /// not_resumable
    NotResumable,
    /// already_resumed, with the job that does it
    AlreadyResumed(String),
    /// check_running, with the job that it is
    CheckRunning(String),
    /// source_not_done
    SourceNotDone,
    /// source_expired
    SourceExpired,
    /// source_wrong, with the type that the source must have
    SourceWrong(&'static str),
    /// source_wrong, for emails in deep mode
    SourceMode,
    /// pipeline_only
    PipelineOnly(&'static str),
    /// pipeline_active
    PipelineActive,
    /// pipeline_in_use, with the veille
    PipelineInUse(u64),
    /// module_available
    ModuleAvailable,
    /// unverified
    Unverified,
    /// no_job
    NoJob,
    /// no_thread
    NoThread,
    /// no_webhook
    NoWebhook,
    /// no_delivery
    NoDelivery,
    /// no_event
    NoEvent,
    /// no_pipeline
    NoPipeline,
    /// no_node
    NoNode,
    /// no_monitor
    NoMonitor,
    /// no_run
    NoRun,
    /// no_module
    NoModule,
    /// no_file
    NoFile,
    /// no_type
    NoType,
    /// not_ready
    NotReady,
    /// purged
    Purged,
    /// upstream
    Upstream,
    /// module_off
    ModuleOff(&'static str),
    /// auth_required
    AuthRequired,
    /// bad_credentials
    BadCredentials,
    /// deactivated
    Deactivated,
    /// cross_site
    CrossSite,
    /// session_only
    SessionOnly,
    /// scope
    Scope(&'static str),
    /// route
    Route,
    /// no_key
    NoKey,
    /// method, with the methods that the path has
    Method(String),
    /// too_large
    TooLarge,
    /// rate, with the seconds to wait
    Rate(u32),
    /// streams
    StreamsHeld {
        /// How many a user may hold.
        most: usize,
        /// Seconds to wait.
        seconds: u32,
    },
    /// server
    Server,
}

impl Detail {
    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadJson(_)
            | Self::BadContentType
            | Self::Captcha
            | Self::SignUpRefused
            | Self::TokenInvalid
            | Self::AlreadyVerified
            | Self::WrongPassword
            | Self::KeyCapReached(_)
            | Self::ThreadFull(_)
            | Self::WebhookCapReached(_)
            | Self::VeilleCapReached(_)
            | Self::PipelineInUse(_)
            | Self::WebhookUrl
            | Self::WebhookDisabled
            | Self::DeliveryPending
            | Self::TestDelivery
            | Self::Redelivering
            | Self::EfCeiling { .. }
            | Self::EfQuota { .. }
            | Self::TooManyRows(_)
            | Self::JobActive
            | Self::JobEnded(_)
            | Self::NotResumable
            | Self::AlreadyResumed(_)
            | Self::CheckRunning(_)
            | Self::SourceNotDone
            | Self::SourceExpired
            | Self::SourceWrong(_)
            | Self::SourceMode
            | Self::PipelineActive
            | Self::PipelineOnly(_)
            | Self::ModuleAvailable => 400,
            Self::AuthRequired | Self::BadCredentials => 401,
            Self::Deactivated | Self::CrossSite | Self::SessionOnly | Self::Scope(_) | Self::Unverified => 403,
            Self::Route
            | Self::NoKey
            | Self::NoWebhook
            | Self::NoDelivery
            | Self::NoEvent
            | Self::NoJob
            | Self::NoThread
            | Self::NoPipeline
            | Self::NoNode
            | Self::NoMonitor
            | Self::NoRun
            | Self::NoModule
            | Self::NoFile
            | Self::NoType
            | Self::NotReady => 404,
            Self::Method(_) => 405,
            Self::Purged => 410,
            Self::TooLarge => 413,
            Self::Rate(_) | Self::StreamsHeld { .. } => 429,
            Self::Server => 500,
            Self::NotImplemented => 501,
            Self::ModuleOff(_) | Self::Upstream => 503,
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self, language: Locale) -> String {
        let (english, french) = match self {
            Self::NotImplemented => ("Not implemented.", "Non implémenté."),
            Self::BadJson(None) => {
                ("Request body is not valid JSON.", "Le corps de la requête n'est pas un JSON valide.")
            }
            Self::BadJson(Some((line, column))) => {
                return pick(
                    language,
                    format!("Request body is not valid JSON (line {line}, column {column})."),
                    format!("Le corps de la requête n'est pas un JSON valide (ligne {line}, colonne {column})."),
                );
            }
            Self::BadContentType => {
                ("Content-Type must be application/json.", "Content-Type doit être application/json.")
            }
            Self::Captcha => ("Captcha verification failed.", "La vérification du captcha a échoué."),
            Self::SignUpRefused => {
                ("Sign-up is not possible with these details.", "Inscription impossible avec ces informations.")
            }
            Self::TokenInvalid => ("This link is invalid or has expired.", "Ce lien est invalide ou a expiré."),
            Self::AlreadyVerified => ("E-mail address is already verified.", "L'adresse e-mail est déjà vérifiée."),
            Self::WrongPassword => ("Current password is incorrect.", "Le mot de passe actuel est incorrect."),
            Self::KeyCapReached(n) => {
                return pick(
                    language,
                    format!("Limit reached: {n} API keys."),
                    format!("Limite atteinte : {n} clés API."),
                );
            }
            Self::ThreadFull(n) => {
                return pick(
                    language,
                    format!("Limit reached: {n} messages."),
                    format!("Limite atteinte : {n} messages."),
                );
            }
            Self::WebhookCapReached(n) => {
                return pick(
                    language,
                    format!("Limit reached: {n} webhooks."),
                    format!("Limite atteinte : {n} webhooks."),
                );
            }
            Self::VeilleCapReached(n) => {
                return pick(
                    language,
                    format!("Limit reached: {n} monitors."),
                    format!("Limite atteinte : {n} veilles."),
                );
            }
            Self::PipelineInUse(id) => {
                return pick(
                    language,
                    format!("Pipeline is used by monitor {id}."),
                    format!("Le pipeline est utilisé par la veille {id}."),
                );
            }
            Self::StreamsHeld { most, .. } => {
                return pick(
                    language,
                    format!("Limit reached: {most} open streams."),
                    format!("Limite atteinte : {most} flux ouverts."),
                );
            }
            Self::EfCeiling { need, ceiling } => {
                let (need, ceiling) = (ef_text(*need), ef_text(*ceiling));
                return pick(
                    language,
                    format!("This job needs {need} EF; the per-job ceiling is {ceiling} EF."),
                    format!("Ce job demande {need} EF ; le plafond par job est de {ceiling} EF."),
                );
            }
            Self::EfQuota { used, quota, need } => {
                let (used, quota, need) = (ef_text(*used), ef_text(*quota), ef_text(*need));
                return pick(
                    language,
                    format!("Monthly EF quota exceeded: {used} of {quota} used, this job needs {need}."),
                    format!("Quota EF mensuel dépassé : {used} sur {quota} utilisés, ce job demande {need}."),
                );
            }
            Self::TooManyRows(n) => {
                return pick(
                    language,
                    format!("Source has {n} usable rows; the limit is 10000 items per job."),
                    format!("La source contient {n} lignes utilisables ; la limite est de 10000 par job."),
                );
            }
            Self::JobActive => {
                ("Job is still active; cancel it first.", "Le job est encore actif ; annulez-le d'abord.")
            }
            Self::JobEnded(status) => {
                return pick(
                    language,
                    format!("Job has already ended with status {status}."),
                    format!("Le job est déjà terminé avec le statut {status}."),
                );
            }
            Self::NotResumable => ("Job cannot be resumed.", "Le job ne peut pas être repris."),
            Self::AlreadyResumed(id) => {
                return pick(
                    language,
                    format!("Job is already being resumed as {id}."),
                    format!("Le job est déjà en cours de reprise : {id}."),
                );
            }
            Self::CheckRunning(id) => {
                return pick(
                    language,
                    format!("A placement check is already running: {id}."),
                    format!("Une vérification de placement est déjà en cours : {id}."),
                );
            }
            Self::SourceNotDone => ("Source is not completed.", "La source n'est pas terminée."),
            Self::SourceExpired => {
                ("Source results are no longer available.", "Les résultats de la source ne sont plus disponibles.")
            }
            Self::SourceWrong(kind) => {
                return pick(
                    language,
                    format!("Source job must be a completed {kind} job."),
                    format!("Le job source doit être un job {kind} terminé."),
                );
            }
            Self::SourceMode => (
                "Source job must be a completed emails job in normal mode.",
                "Le job source doit être un job emails terminé en mode normal.",
            ),
            Self::PipelineActive => ("Pipeline is still running.", "Le pipeline est encore en cours."),
            Self::PipelineOnly(slug) => {
                return pick(
                    language,
                    format!("Module {slug} only runs inside a pipeline."),
                    format!("Le module {slug} ne s'exécute que dans un pipeline."),
                );
            }
            Self::ModuleAvailable => ("Module is already available.", "Le module est déjà disponible."),
            Self::Unverified => ("Verify your e-mail address first.", "Vérifiez d'abord votre adresse e-mail."),
            Self::NoJob => ("Job not found.", "Job introuvable."),
            Self::NoThread => ("Thread not found.", "Fil introuvable."),
            Self::NoWebhook => ("Webhook not found.", "Webhook introuvable."),
            Self::WebhookUrl => (
                "Webhook URL must use https and be publicly reachable.",
                "L'URL du webhook doit être en https et accessible publiquement.",
            ),
            Self::WebhookDisabled => ("Webhook is disabled.", "Le webhook est désactivé."),
            Self::DeliveryPending => ("Delivery is still pending.", "La livraison est encore en attente."),
            Self::TestDelivery => {
                ("A test delivery cannot be sent again.", "Une livraison de test ne peut pas être renvoyée.")
            }
            Self::Redelivering => (
                "Deliveries of this webhook are already being sent again.",
                "Des livraisons de ce webhook sont déjà en cours de renvoi.",
            ),
            Self::NoDelivery => ("Delivery not found.", "Livraison introuvable."),
            Self::NoEvent => ("Event is no longer kept.", "L'événement n'est plus conservé."),
            Self::NoPipeline => ("Pipeline not found.", "Pipeline introuvable."),
            Self::NoNode => ("Node not found.", "Nœud introuvable."),
            Self::NoMonitor => ("Monitor not found.", "Veille introuvable."),
            Self::NoRun => ("Run not found.", "Exécution introuvable."),
            Self::NoModule => ("Module not found.", "Module introuvable."),
            Self::NoFile => ("File not found.", "Fichier introuvable."),
            Self::NoType => ("Unknown job type.", "Type de job inconnu."),
            Self::NotReady => ("Result file is not ready.", "Le fichier de résultats n'est pas prêt."),
            Self::Purged => ("Result file has been purged.", "Le fichier de résultats a été purgé."),
            Self::ModuleOff(slug) => {
                return pick(
                    language,
                    format!("Module {slug} is temporarily unavailable."),
                    format!("Le module {slug} est temporairement indisponible."),
                );
            }
            Self::AuthRequired => ("Authentication required.", "Authentification requise."),
            Self::BadCredentials => ("Incorrect e-mail or password.", "E-mail ou mot de passe incorrect."),
            Self::Deactivated => ("Account is deactivated.", "Compte désactivé."),
            Self::CrossSite => ("Cross-site request refused.", "Requête intersite refusée."),
            Self::SessionOnly => {
                ("This endpoint requires a browser session.", "Cette route exige une session navigateur.")
            }
            Self::Scope(scope) => {
                return pick(
                    language,
                    format!("API key lacks the {scope} scope."),
                    format!("La clé API n'a pas la portée {scope}."),
                );
            }
            Self::Route => ("Not found.", "Introuvable."),
            Self::NoKey => ("API key not found.", "Clé API introuvable."),
            Self::Method(_) => ("Method not allowed.", "Méthode non autorisée."),
            Self::TooLarge => ("Request body is too large.", "Le corps de la requête est trop volumineux."),
            Self::Rate(n) => {
                return pick(
                    language,
                    format!("Too many requests. Try again in {n} s."),
                    format!("Trop de requêtes. Réessayez dans {n} s."),
                );
            }
            Self::Upstream => (
                "A required service is unavailable. Try again later.",
                "Un service requis est indisponible. Réessayez plus tard.",
            ),
            Self::Server => ("Internal server error.", "Erreur interne du serveur."),
        };
        pick(language, english, french).to_owned()
    }
}

/// What is wrong with a field (outsend 3.3, below the table).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The field is needed and not there.
    Required,
    /// The value has not the form.
    Format,
    /// The value has another JSON type than this one.
    Type(&'static str),
    /// A number is outside its range.
    Between(i64, i64),
    /// A text has too few or too many characters.
    Characters(usize, usize),
    /// A list has too few or too many entries.
    Entries(usize, usize),
    /// The value is none of these.
    OneOf(&'static str),
    /// The value must be `true`.
    NotTrue,
    /// A password without a letter, or without a digit or symbol.
    WeakPassword,
    /// A password that many have, or the address itself.
    CommonPassword,
    /// A name with a line break or a character that shows nothing.
    Invisible,
    /// A name with a web address.
    Address,
    /// A time that is not of this many last days.
    LastDays(i64),
    /// No row has what this column is to have; the columns that were seen where it is none of them.
    NoUsableRow(&'static str, Vec<String>),
    /// Two nodes have one id (outsend 14.2).
    DuplicateNode,
    /// Nobody knows a zone of this name (outsend 8.2).
    UnknownZone,
    /// There is no such block.
    UnknownBlock,
    /// An edge's end is no node.
    UnknownNode,
    /// An edge closes a cycle.
    Cycle,
    /// A node has an input already.
    OneInput,
    /// A root has an input.
    NoInput,
    /// A block other than a root has none.
    NeedsInput,
    /// A veille has one source (outsend 15.2).
    OneSource,
    /// A block does not take what another one gives: its own type, and the other one's.
    CannotFollow(&'static str, &'static str),
}

impl Fault {
    /// The message.
    #[must_use]
    pub fn text(&self, language: Locale) -> String {
        let (english, french) = match self {
            Self::Required => ("Field is required.".to_owned(), "Champ obligatoire.".to_owned()),
            Self::Format => ("Invalid format.".to_owned(), "Format invalide.".to_owned()),
            Self::Type(kind) => typed(kind),
            Self::Between(a, i64::MAX) => (format!("Must be {a} or more."), format!("Doit être au moins {a}.")),
            Self::Between(a, b) => {
                (format!("Must be between {a} and {b}."), format!("Doit être compris entre {a} et {b}."))
            }
            Self::Characters(a, b) => {
                (format!("Must have {a} to {b} characters."), format!("Doit contenir de {a} à {b} caractères."))
            }
            Self::Entries(a, b) => {
                (format!("Must have {a} to {b} entries."), format!("Doit contenir de {a} à {b} éléments."))
            }
            Self::OneOf(list) => (format!("Must be one of: {list}."), format!("Doit être l'une des valeurs : {list}.")),
            Self::NotTrue => ("Must be true.".to_owned(), "Doit être vrai.".to_owned()),
            Self::LastDays(days) => {
                (format!("Must be within the last {days} days."), format!("Doit dater des {days} derniers jours."))
            }
            Self::NoUsableRow(column, seen) => (
                format!("No usable row: every item lacks {column}.{}", listed(" Columns:", seen)),
                format!("Aucune ligne utilisable : {column} manque partout.{}", listed(" Colonnes :", seen)),
            ),
            Self::DuplicateNode => ("Duplicate node id.".to_owned(), "Identifiant de nœud en double.".to_owned()),
            Self::UnknownZone => ("Unknown zone.".to_owned(), "Zone inconnue.".to_owned()),
            Self::UnknownBlock => ("Unknown block type.".to_owned(), "Type de bloc inconnu.".to_owned()),
            Self::UnknownNode => ("Unknown node.".to_owned(), "Nœud inconnu.".to_owned()),
            Self::Cycle => {
                ("Edges must not form a cycle.".to_owned(), "Les liens ne doivent pas former de cycle.".to_owned())
            }
            Self::OneInput => ("A node accepts one input.".to_owned(), "Un nœud accepte une seule entrée.".to_owned()),
            Self::NoInput => ("This block takes no input.".to_owned(), "Ce bloc ne prend pas d'entrée.".to_owned()),
            Self::NeedsInput => ("This block needs an input.".to_owned(), "Ce bloc a besoin d'une entrée.".to_owned()),
            Self::OneSource => (
                "Give exactly one of source_job_id and source_pipeline_id.".to_owned(),
                "Indiquez exactement un champ parmi source_job_id et source_pipeline_id.".to_owned(),
            ),
            Self::CannotFollow(to, from) => {
                (format!("Block {to} cannot follow {from}."), format!("Le bloc {to} ne peut pas suivre {from}."))
            }
            Self::CommonPassword => ("Is too common.".to_owned(), "Est trop courant.".to_owned()),
            Self::Invisible => (
                "Must not contain line breaks or invisible characters.".to_owned(),
                "Ne doit contenir ni saut de ligne ni caractère invisible.".to_owned(),
            ),
            Self::Address => {
                ("Must not contain a web address.".to_owned(), "Ne doit pas contenir d'adresse web.".to_owned())
            }
            Self::WeakPassword => (
                "Must contain a letter and a digit or symbol.".to_owned(),
                "Doit contenir une lettre et un chiffre ou un symbole.".to_owned(),
            ),
        };
        pick(language, english, french)
    }
}

/// That a value has another type than this one.
fn typed(kind: &str) -> (String, String) {
    let (article, french) = match kind {
        "integer" => ("an", "entier"),
        "object" => ("an", "objet"),
        "number" => ("a", "nombre"),
        "boolean" => ("a", "booléen"),
        "list" => ("a", "liste"),
        _ => ("a", "texte"),
    };
    (format!("Must be {article} {kind}."), format!("Doit être de type {french}."))
}

/// Names that somebody gave, as far as they help: at most ten, and of each 40 characters.
fn listed(label: &str, names: &[String]) -> String {
    let short = |name: &String| name.chars().filter(|letter| !letter.is_control()).take(40).collect::<String>();
    let shown: Vec<String> = names.iter().take(10).map(short).collect();
    match names.len() {
        0 => String::new(),
        1..=10 => format!("{label} {}.", shown.join(", ")),
        _ => format!("{label} {}, ...", shown.join(", ")),
    }
}

fn pick<T>(language: Locale, english: T, french: T) -> T {
    match language {
        Locale::En => english,
        Locale::Fr => french,
    }
}
