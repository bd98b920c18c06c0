//! `cargo xtask`: what developers have done for them.

mod house;

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (name, folder) in [("shared", "shared"), ("engine", "engine"), ("local", "local")] {
        let source = house::source::Source::read(name, &root.join(folder)).unwrap();
        println!("== {name} {}", source.modules.len());
        for circle in house::circles::circles(&source) {
            println!("circle {}", circle.iter().map(|m| m.join("::")).collect::<Vec<_>>().join(", "));
            for a in &circle {
                for b in house::circles::imports(&source, a) {
                    if circle.contains(&b) {
                        let items: Vec<_> =
                            source.references(a, None).into_iter().filter(|(m, _)| *m == b).map(|(_, i)| i).collect();
                        println!("   {} -> {}: {}", a.join("::"), b.join("::"), items.join(" "));
                    }
                }
            }
        }
    }
}
