//! A conversion into the store's folder of what is on its way: a whole, checked ggml file, or nothing.

use super::super::check::ggml::{self, CheckError};
use super::super::fault::InstallError;
use super::super::fetch::{Progress, free_bytes};
use super::super::gather::Unit;
use super::super::incoming::{Incoming, Way};
use super::super::meter::Meter;
use super::{ConvertError, Weights, open};
use crate::turn::Outcome;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A finished conversion; it goes when this is dropped and its file was not taken.
#[derive(Debug)]
pub(in crate::models) struct Draft {
    /// What it was made of.
    pub(in crate::models) source: PathBuf,
    _incoming: Incoming,
}

/// Converts the model of a unit. Returns the unit of the file that came out of it.
///
/// # Errors
/// When the model cannot be used, or there is no room for what comes out of it.
pub(in crate::models) fn draft<'c>(
    root: &Path,
    unit: Unit<'c>,
    weights: Weights,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<(Unit<'c>, Draft)>, InstallError> {
    let source = unit.files.first().map(|(path, _)| path.clone()).unwrap_or_default();
    let refused = |error: CheckError| InstallError::refused(&source, &error.reason);
    let conversion = open(&source, weights).map_err(refused)?;
    let total = conversion.bytes();
    if let Some(free) = free_bytes(root).filter(|free| *free < total) {
        return Err(InstallError::no_room(root, total, free));
    }
    let id = format!("{}-{}", unit.id, weights.name());
    let incoming = Incoming::begin(root, unit.kind, &format!("{id}-draft"), Way::Copy)?;
    let name = format!("ggml-{id}.bin");
    let path = incoming.folder().join(&name);
    let unwritable = |error: std::io::Error| InstallError::unwritable(&path, &error);
    let mut file = BufWriter::with_capacity(1 << 18, File::create_new(&path).map_err(unwritable)?);
    on(Progress::Started { name: name.clone(), total: Some(total), resumed_at: 0 });
    let mut meter = Meter::new(&name, Some(total));
    match conversion.write(&mut file, cancel, &mut |done| meter.at(done, on)) {
        Ok(Outcome::Done(())) => file.flush().map_err(unwritable)?,
        Ok(Outcome::Cancelled) => return Ok(Outcome::Cancelled),
        Err(ConvertError::Model(error)) => return Err(refused(error)),
        Err(ConvertError::Write(error)) => return Err(unwritable(error)),
    }
    drop(file);
    File::open(&path).map_err(unwritable).and_then(|file| ggml::check(file).map_err(refused))?;
    let unit = Unit { name: format!("{} ({})", unit.name, weights.name()), id, files: vec![(path, name)], ..unit };
    Ok(Outcome::Done((unit, Draft { source, _incoming: incoming })))
}
