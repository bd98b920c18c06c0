//! Guesses, mails and requests are counted for whom they concern.
