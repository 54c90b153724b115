//! The run graph at work: rows go from node to node, and what waits goes on when it may.

use arrow_array::RecordBatch;

use crate::check::{CheckError, Checked};
use crate::contract::Severity;
use crate::decode::captures::Strays;
use crate::decode::{Head, Note};
use crate::derive::derivation::{Derived, Tables};
use crate::derive::privacy::texts::PrivateTexts;
use crate::pipeline::Pipeline;
use crate::pipeline::graph::{Maker, Progress, RunGraph, Step};
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::nodes::account::{TableAccount, TableResult};
use crate::pipeline::run::nodes::checked_table::CheckedTable;
use crate::pipeline::run::nodes::derivation_run::DerivationRun;
use crate::pipeline::run::nodes::opening::{NodeContext, Opening};
use crate::pipeline::trace::watch::{Forms, Watch};
use crate::quarantine::Stage;
use crate::table::Chunk;
use crate::table::keys::Keys;

/// The nodes of a run. For each table that the decoder has, call [`Self::push`] with its rows, in their order, and
/// [`Self::stray`]; then [`Self::end`]. When all tables have ended, [`Self::finish`].
pub(in crate::pipeline::run) struct RunNodes {
    graph: RunGraph,
    progress: Progress,
    opening: Opening,
    /// The places of the decoder's tables in the graph.
    places: Vec<usize>,
    /// By the places of tables and derivations: begun, and not finished.
    checks: Vec<Option<CheckedTable>>,
    accounts: Vec<Option<TableAccount>>,
    derivations: Vec<Option<DerivationRun>>,
    has_begun: Vec<bool>,
    /// Of the feed's tables.
    keys: Keys,
    private: PrivateTexts,
    /// Rows of which it is told what becomes of them.
    watch: Option<Watch>,
    results: Vec<(usize, TableResult)>,
}

/// What the nodes leave: the tables that came to their end, in the order of the feed, those that are derived last; the private
/// texts that were among their rows; and derivations that could not be made.
pub(in crate::pipeline::run) struct NodeResults {
    pub tables: Vec<TableResult>,
    pub private: PrivateTexts,
    pub watch: Option<Watch>,
    pub notes: Vec<Note>,
}

impl RunNodes {
    pub(crate) fn new(pipeline: &Pipeline, heads: &[Head], context: NodeContext) -> Result<Self, RunError> {
        let graph = RunGraph::of(&pipeline.contracts, pipeline.release.as_ref(), &pipeline.derived);
        let graph = graph.map_err(|cycle| RunError::internal(cycle.to_string()))?;
        let private = PrivateTexts::new(context.budget.clone());
        let opening = Opening::new(pipeline, &graph, heads, context)?;
        let place = |head: &Head| {
            let place = graph.place(Stage::Feed, &head.contract.table);
            place.ok_or_else(|| RunError::internal(format!("the feed has an unknown table {}", head.contract.table)))
        };
        let places = heads.iter().map(place).collect::<Result<_, _>>()?;
        let progress = graph.begin(|table| opening.has_table(table), |derivation| opening.lacks(derivation).is_none());
        let tables = graph.tables.len();
        Ok(Self {
            progress,
            opening,
            places,
            checks: (0..tables).map(|_| None).collect(),
            accounts: (0..tables).map(|_| None).collect(),
            derivations: graph.derivations.iter().map(|_| None).collect(),
            has_begun: vec![false; tables],
            keys: Keys::default(),
            private,
            watch: None,
            results: Vec::new(),
            graph,
        })
    }

    /// Watches rows that have a key.
    pub(crate) fn watch(&mut self, watch: Watch) {
        self.watch = Some(watch);
    }

    /// Shows rows to the watch of their table before they are checked.
    fn show(&mut self, table: usize, decoded: &RecordBatch, chunk: &Chunk) -> Result<(), RunError> {
        let node = &self.graph.tables[table];
        let (Some(watch), Some(account)) = (&mut self.watch, &self.accounts[node.account]) else { return Ok(()) };
        if watch.table != account.release.table {
            return Ok(());
        }
        watch.origins = account.origins.clone();
        if node.stage == Stage::Feed {
            let mut forms = Vec::new();
            for exact in self.opening.each_alone(&self.graph, table, &chunk.rows)? {
                // A row that privacy cuts off is asked for by what it would have been published as.
                forms.push(Forms { public: account.public_form(&exact)?, exact: exact.clone() });
                if account.step.is_some() {
                    forms.push(Forms { public: account.published_form(&exact)?.public, exact });
                }
            }
            watch.came((decoded, &chunk.rows), &chunk.flaws, &forms);
        } else if !matches!(node.made_by.map(|by| self.graph.derivations[by].maker), Some(Maker::Telemetry)) {
            watch.made(&Forms { public: account.public_form(&chunk.rows)?, exact: chunk.rows.clone() });
        }
        watch.enters(node.stage, &chunk.rows, &|row| account.quarantine.decided_of(node.stage, &chunk.rows, row));
        Ok(())
    }

    /// Some rows of a table of the decoder's. What they have of private texts is kept, as they came: before mappings.
    pub(crate) fn push(&mut self, table: usize, chunk: Chunk) -> Result<(), RunError> {
        let table = self.places[table];
        self.begin(table)?;
        let node = &self.graph.tables[table];
        self.private.push(&node.contract, &chunk.rows).map_err(CheckError::from)?;
        let (Some(check), Some(account)) = (&mut self.checks[table], &mut self.accounts[node.account]) else {
            return Err(RunError::internal(format!("{} has rows after its end", node.contract.table)));
        };
        account.counts.rows_in += chunk.rows.num_rows() as u64;
        let decoded = self.watch.is_some().then(|| chunk.rows.clone());
        let chunk = check.map(chunk, &mut account.counts.mapped)?;
        if let Some(decoded) = decoded {
            self.show(table, &decoded, &chunk)?;
        }
        let Some(check) = &mut self.checks[table] else { return Err(RunError::internal("a table lost its check")) };
        let checked = check.check.push(chunk, &self.keys)?;
        self.pass(table, checked)
    }

    /// Rows that no partition can have.
    pub(crate) fn stray(
        &mut self,
        table: usize,
        strays: &Strays,
        origin: &dyn Fn(u32) -> String,
    ) -> Result<(), RunError> {
        let table = self.places[table];
        self.begin(table)?;
        if let Some(account) = &mut self.accounts[self.graph.tables[table].account] {
            account.stray(strays, origin);
        }
        Ok(())
    }

    /// A table of the decoder's has no more rows: goes on with all that waited for it. Tables that follow get its keys, even if
    /// its own rules wait for them.
    pub(crate) fn end(&mut self, table: usize) -> Result<(), RunError> {
        let table = self.places[table];
        self.begin(table)?;
        if let Some(check) = self.checks[table].as_mut().filter(|_| self.graph.tables[table].account == table) {
            check.check.lend_keys(&mut self.keys)?;
        }
        self.progress.complete(&self.graph, table);
        while let Some(step) = self.progress.next(&self.graph) {
            match step {
                Step::Finish(table) => self.finish_table(table)?,
                Step::Derive(derivation) => self.finish_derivation(derivation)?,
                Step::Complete(_) => {}
            }
        }
        Ok(())
    }

    /// Begins a table and its account. Where rows are made of its rows one by one, those have the same account.
    fn begin(&mut self, table: usize) -> Result<(), RunError> {
        if std::mem::replace(&mut self.has_begun[table], true) {
            return Ok(());
        }
        let place = self.graph.tables[table].account;
        if self.accounts[place].is_none() {
            self.accounts[place] = Some(self.opening.account(&self.graph, place)?);
        }
        if let Some(account) = &self.accounts[place] {
            self.checks[table] = Some(self.opening.check(&self.graph, table, account)?);
        }
        Ok(())
    }

    fn begin_derivation(&mut self, place: usize) -> Result<&mut DerivationRun, RunError> {
        if self.derivations[place].is_none() {
            let made = self.made(place);
            self.derivations[place] = Some(self.opening.derivation(&self.graph, place, made)?);
            for output in self.graph.derivations[place].outputs.clone() {
                self.begin(output)?;
            }
        }
        self.derivations[place].as_mut().ok_or_else(|| RunError::internal("a derivation did not begin"))
    }

    /// Whether the run makes the table of each input of a derivation.
    fn made(&self, place: usize) -> Vec<bool> {
        let node = &self.graph.derivations[place];
        let Maker::Listed(of) = node.maker else { return Vec::new() };
        let is_made = |(table, _): &(usize, usize)| {
            let table = &self.graph.tables[*table];
            table.made_by.map_or_else(|| self.opening.has_table(&table.contract.table), |by| self.progress.is_made(by))
        };
        let of_input = |input: usize| node.inputs.iter().find(|(_, other)| *other == input);
        let inputs = of.inputs().iter().enumerate();
        inputs.map(|(place, input)| input.of == Tables::Timetable || of_input(place).is_some_and(is_made)).collect()
    }

    /// Tells a derivation what became of the rows of the tables that it reads, which have all come to their end.
    fn tell_accounts(&mut self, place: usize) -> Result<(), RunError> {
        let node = &self.graph.derivations[place];
        let (Maker::Listed(of), Some(run)) = (node.maker, &mut self.derivations[place]) else { return Ok(()) };
        for (table, input) in node.inputs.iter().filter(|_| of.reads_run()) {
            let account = self.graph.tables[*table].account;
            if let Some((_, result)) = self.results.iter().find(|(other, _)| *other == account) {
                run.account(*input, &result.rows)?;
            }
        }
        Ok(())
    }

    /// Rows come out of the check of a table: those that passed go on to what reads them, and into the file.
    fn pass(&mut self, table: usize, checked: Checked) -> Result<(), RunError> {
        let node = &self.graph.tables[table];
        let (stage, place) = (node.stage, node.account);
        let mut readers = node.readers.clone();
        readers.retain(|(derivation, _)| self.progress.is_made(*derivation));
        let is_last = place == table;
        let ended = || RunError::internal("a table has rows after its account was closed");
        let account = self.accounts[place].as_mut().ok_or_else(ended)?;
        let mut watch = self.watch.as_mut().filter(|watch| watch.table == account.release.table);
        if let Some(watch) = &mut watch {
            checked.quarantined.iter().for_each(|held| watch.held(stage, held));
            checked.passed.iter().for_each(|rows| watch.passed(stage, rows));
        }
        let passed = account.hold(stage, checked)?;
        for rows in passed {
            let account = self.accounts[place].as_mut().ok_or_else(ended)?;
            let watch = self.watch.as_mut().filter(|watch| is_last && watch.table == account.release.table);
            if let Some(watch) = watch.filter(|_| account.writer.is_some()) {
                watch.published(stage, &rows, |row| account.published_form(row))?;
            }
            let (rows, public) = match is_last {
                true => account.publish(stage, rows)?,
                false => (account.quarantine.reconciliation.mark(rows), None),
            };
            let mut made = Vec::new();
            for (derivation, input) in &readers {
                let derived = self.begin_derivation(*derivation)?.push(*input, &rows, public.as_ref())?;
                made.push((*derivation, derived));
            }
            // They are held no longer than until others were made of them.
            drop((rows, public));
            made.into_iter().try_for_each(|(derivation, derived)| self.take(derivation, derived))?;
        }
        Ok(())
    }

    /// Rows that a derivation made go to the checks of its tables.
    fn take(&mut self, derivation: usize, derived: Vec<Derived>) -> Result<(), RunError> {
        for Derived { output, mut chunk } in derived {
            let node = &self.graph.derivations[derivation];
            let Some(table) = node.outputs.get(output).copied() else {
                return Err(RunError::internal(format!("a derivation has no output {output}")));
            };
            let is_row_wise = matches!(node.maker, Maker::Telemetry);
            let (Some(_), Some(account)) = (&self.checks[table], &mut self.accounts[table]) else {
                return Err(RunError::internal("a derivation makes rows after its end"));
            };
            if !is_row_wise {
                account.counts.rows_in += chunk.rows.num_rows() as u64;
            }
            chunk.rows = account.quarantine.reconciliation.unmark(chunk.rows);
            if self.watch.is_some() {
                self.show(table, &chunk.rows, &chunk)?;
            }
            let Some(check) = &mut self.checks[table] else { return Err(RunError::internal("a table lost its check")) };
            let checked = check.check.push(chunk, &Keys::default())?;
            self.pass(table, checked)?;
        }
        Ok(())
    }

    /// All rules of a table run, and the rows that waited go on. An account whose last table this is is closed.
    fn finish_table(&mut self, table: usize) -> Result<(), RunError> {
        let Some(CheckedTable { check, .. }) = self.checks[table].take() else { return Ok(()) };
        let node = &self.graph.tables[table];
        let (place, contract) = (node.account, node.contract.clone());
        let mut keys = match node.stage {
            Stage::Feed => std::mem::take(&mut self.keys),
            Stage::Release => Keys::default(),
        };
        let stage = node.stage;
        let found = check.finish(&mut keys, &mut |checked| self.pass(table, checked))?;
        if stage == Stage::Feed {
            self.keys = keys;
        }
        if let Some(account) = &mut self.accounts[place] {
            account.outcomes.push((contract, found));
        }
        if place == table
            && let Some(account) = self.accounts[place].take()
        {
            self.results.push((place, account.finish()?));
        }
        Ok(())
    }

    /// A derivation gives its last rows and the account of those that it read.
    fn finish_derivation(&mut self, place: usize) -> Result<(), RunError> {
        self.begin_derivation(place)?;
        self.tell_accounts(place)?;
        let Some(run) = self.derivations[place].take() else { return Ok(()) };
        let mut result = run.finish()?;
        let node = &self.graph.derivations[place];
        let outputs = node.outputs.clone();
        match node.maker {
            Maker::Telemetry => {
                if let Some(account) = outputs.first().and_then(|table| self.accounts[*table].as_mut()) {
                    if let Some(watch) = self.watch.as_mut().filter(|watch| watch.table == account.release.table) {
                        watch.unused.extend(result.unused.iter().filter(|of| of.rows > 0).map(|of| of.rule.clone()));
                    }
                    account.drop_unused(result.unused);
                }
            }
            Maker::Listed(_) => {
                for (at, table) in outputs.iter().enumerate() {
                    if let Some(account) = &mut self.accounts[*table] {
                        let unused = if at == 0 { result.unused.as_slice() } else { &[] };
                        account.derived_from(result.inputs.clone(), unused);
                    }
                }
            }
        }
        let is_row_wise = matches!(node.maker, Maker::Telemetry);
        for derived in result.derived {
            let derived = derived?;
            result.made += derived.chunk.rows.num_rows() as u64;
            self.take(place, vec![derived])?;
        }
        if is_row_wise && result.made != result.used {
            let problem = format!("{} rows were used and {} made, one by one", result.used, result.made);
            return Err(RunError::internal(problem));
        }
        Ok(())
    }

    /// All tables have ended.
    ///
    /// # Errors
    /// One has not.
    pub(crate) fn finish(mut self) -> Result<NodeResults, RunError> {
        if let Some(table) = self.progress.waits(&self.graph) {
            return Err(RunError::internal(format!("the table {} never came to its end", table.contract.table)));
        }
        let notes = self.graph.derivations.iter().filter_map(|derivation| {
            let why = self.opening.lacks(derivation)?;
            let names: Vec<&str> =
                derivation.outputs.iter().map(|table| self.graph.tables[*table].contract.table.as_str()).collect();
            let message = format!(
                "{} was not made: it is derived from the timetable, and {why}. What was published of it before stays",
                names.join(" and ")
            );
            Some(Note { rule: "derive.no_timetable", severity: Severity::Warning, message })
        });
        let notes = notes.collect();
        // A table of the release stands where that of the feed stood that it is made of.
        let place = |account: usize| {
            let feed = |at: &usize| self.graph.tables[*at].account == account;
            self.places.iter().position(feed).unwrap_or(self.places.len() + account)
        };
        self.results.sort_by_key(|(account, _)| place(*account));
        let tables = self.results.into_iter().map(|(_, result)| result).collect();
        Ok(NodeResults { tables, private: self.private, watch: self.watch, notes })
    }
}
