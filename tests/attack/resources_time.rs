//! Bodies whose cost grows faster than their length.
