//! `hark devices`: microphones and speakers by the names that the settings take.

use super::Exit;
use super::args::Listing;
use super::engines::{self, DeviceRow, DeviceRows};
use super::terminal::Terminal;
use crate::printable::one_line;
use serde_json::{Value, json};
use std::io;

/// Runs it.
pub fn run(args: &Listing, terminal: &mut Terminal) -> Exit {
    let rows = match engines::devices() {
        Ok(rows) => rows,
        Err(problem) => {
            terminal.error(&problem);
            return Exit::Failed;
        }
    };
    let shown = if args.json { json_lines(&rows, terminal) } else { text_lines(&rows, terminal) };
    shown.map_or_else(
        |error| {
            terminal.lost(&error);
            Exit::Failed
        },
        |()| Exit::Good,
    )
}

fn json_lines(rows: &DeviceRows, terminal: &mut Terminal) -> io::Result<()> {
    for (kind, list) in [("microphone", &rows.microphones), ("speaker", &rows.speakers)] {
        for row in list {
            let mut line = json!({"device": kind});
            if let (Value::Object(line), Ok(Value::Object(row))) = (&mut line, serde_json::to_value(row)) {
                line.extend(row);
            }
            terminal.json(&line)?;
        }
    }
    Ok(())
}

fn text_lines(rows: &DeviceRows, terminal: &mut Terminal) -> io::Result<()> {
    for (title, list) in [("Microphones", &rows.microphones), ("Speakers", &rows.speakers)] {
        terminal.line(&format!("{title}:"))?;
        if list.is_empty() {
            terminal.line("  none was found")?;
        }
        for DeviceRow { name, default, detail } in list {
            let mark = if *default { "*" } else { " " };
            let detail = if detail.is_empty() { String::new() } else { format!("  ({})", one_line(detail)) };
            terminal.line(&format!("{mark} {}{detail}", one_line(name)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> DeviceRows {
        let row = DeviceRow { name: "Table \"mic\"".into(), default: true, detail: "48 kHz, 2 channels".into() };
        DeviceRows { microphones: vec![row, DeviceRow { name: "Other".into(), ..DeviceRow::default() }], speakers: vec![] }
    }

    #[test]
    fn the_default_is_marked_and_nothing_is_said_to_be_nothing() {
        let mut terminal = Terminal::to_memory();
        text_lines(&rows(), &mut terminal).unwrap();
        let expected = "Microphones:\n* Table \"mic\"  (48 kHz, 2 channels)\n  Other\nSpeakers:\n  none was found\n";
        assert_eq!(terminal.memory().0, expected);
    }

    #[test]
    fn json_has_one_object_a_device() {
        let mut terminal = Terminal::to_memory();
        json_lines(&rows(), &mut terminal).unwrap();
        let (out, _) = terminal.memory();
        let expected = r#"{"device":"microphone","name":"Table \"mic\"","default":true,"detail":"48 kHz, 2 channels"}"#;
        assert_eq!(out.lines().next(), Some(expected));
        assert_eq!(out.lines().count(), 2);
    }
}
