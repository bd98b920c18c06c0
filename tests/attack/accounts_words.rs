//! Words of strangers in names and mails.
