//! Writes the seeds of a target into a folder, a file each: `seeds TARGET FOLDER`. Lists the targets
//! otherwise.

use std::process::ExitCode;

use ringmq_fuzz::targets::TARGETS;

fn main() -> std::io::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [name, folder] = arguments.as_slice() else {
        TARGETS.iter().for_each(|target| println!("{}", target.name));
        return Ok(ExitCode::SUCCESS);
    };
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        eprintln!("no target {name}");
        return Ok(ExitCode::FAILURE);
    };
    std::fs::create_dir_all(folder)?;
    for (number, seed) in (target.seeds)().iter().enumerate() {
        std::fs::write(format!("{folder}/seed-{number:03}"), seed)?;
    }
    Ok(ExitCode::SUCCESS)
}
