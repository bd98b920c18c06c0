//! Cells that a spreadsheet takes for formulas.
