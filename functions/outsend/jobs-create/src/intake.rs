//! The rows of a request that a module can use (outsend 8.3).

use engine::columns::{Intake, output};
use serde_json::{Map, Value};

use shared::{
    model::Module,
    outsend::{envelope::Problem, pipelines::Usable},
    store::PackedRows,
};

use crate::table::Table;

/// The usable rows of a request.
pub(crate) fn of_table(module: Module, options: &Map<String, Value>, table: &Table<'_>) -> Result<Usable, Problem> {
    let mut intake = Intake::new(module, &table.columns);
    let mut rows = PackedRows::default();
    for row in table.rows() {
        for row in intake.take(row?) {
            rows.push(&row)?;
        }
    }
    let input_columns = intake.columns().to_vec();
    let columns = output(module, options, &input_columns);
    Ok(Usable { rows, ignored: intake.ignored(), answered: intake.answered(), input_columns, columns })
}
