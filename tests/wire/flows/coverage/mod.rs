//! Every route as every kind of caller. The grids are the golden files beside these tests; after a change that is meant,
//! run the test with `OUTSCOUT_REFRESH=1` and read the difference.

mod openscouter;
mod outsend;
mod outset;
