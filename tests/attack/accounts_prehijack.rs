//! Accounts taken before their owner came: keys and passwords of a stranger's sign-up.
