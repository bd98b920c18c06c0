//! Log-in through providers, and the consent page.
