//! Tables of text with aligned columns.

/// A table: a line of headings, then lines of cells.
#[derive(Default)]
pub struct Table {
    lines: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(headings: &[&str]) -> Table {
        Table { lines: vec![headings.iter().map(|heading| heading.to_string()).collect()] }
    }

    /// Adds a line.
    pub fn line(&mut self, cells: Vec<String>) {
        self.lines.push(cells);
    }

    /// The text. Columns whose cells all begin with a digit (or are `-`) are aligned to the right.
    pub fn text(&self) -> String {
        let columns = self.lines.iter().map(Vec::len).max().unwrap_or(0);
        let cells = |column: usize| self.lines.iter().map(move |line| line.get(column).map_or("", String::as_str));
        let widths: Vec<usize> = (0..columns).map(|column| cells(column).map(width).max().unwrap_or(0)).collect();
        let number = |cell: &str| cell == "-" || cell.starts_with(|first: char| first.is_ascii_digit());
        let right: Vec<bool> = (0..columns).map(|column| cells(column).skip(1).all(number)).collect();
        let mut text = String::new();
        for line in &self.lines {
            let mut shown = String::new();
            for (column, cell) in line.iter().enumerate() {
                let space = " ".repeat(widths[column] - width(cell));
                let gap = if column == 0 { "" } else { "  " };
                shown += &if right[column] { format!("{gap}{space}{cell}") } else { format!("{gap}{cell}{space}") };
            }
            text += shown.trim_end();
            text.push('\n');
        }
        text
    }
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["name", "cwnd"]);
        table.line(vec!["cubic".into(), "7".into()]);
        table.line(vec!["reno".into(), "1234567".into()]);
        assert_eq!(table.text(), "name      cwnd\ncubic        7\nreno   1234567\n");
    }
}
