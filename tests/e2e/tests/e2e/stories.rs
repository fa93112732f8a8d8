//! The stories by which the model of conflicts is tested, told to real offices: the same users, the same rules of the
//! tables, the same account of what was written.

#[path = "../../../../wire/tests/story/mod.rs"]
#[allow(dead_code, reason = "the model uses the rest")]
mod story;

use officesync_e2e::company::Company;
use officesync_e2e::converge;
use officesync_e2e::office::Office;
use officesync_e2e::seed::Seed;
use officesync_wire::merge::{Granularity, Policy, RowPolicy};
use story::chance::Chance;
use story::rules::{TableRules, rules};
use story::table::{KEY, NUMBER, Op, Row, Table, WIDTH};
use story::users::{Users, first_rows};
use story::written::Written;

const BRANCHES: usize = 2;
/// Stories that go on side by side, each in a table of its own.
const STORIES: usize = 8;
const STEPS: usize = 1_200;
const COLUMNS: [&str; WIDTH] = ["id", "followed", "also_followed", "small", "number"];

struct Story {
    table: String,
    rules: TableRules,
    users: Users,
    written: Written,
}

impl Story {
    fn new(number: usize, chance: &mut Chance) -> Self {
        Self {
            table: format!("story_{number}"),
            rules: rules(chance),
            users: Users::new(chance),
            written: Written::new(&first_rows()),
        }
    }

    async fn open(&mut self, company: &Company) {
        let table = self.table.clone();
        let columns = COLUMNS.map(|column| format!("{column} bigint")).join(", ");
        company
            .everywhere(&format!(
                "CREATE TABLE {table} ({columns}, PRIMARY KEY (id)); SELECT officesync.track('{table}')"
            ))
            .await;
        self.set_policies(company.head()).await;
        for row in first_rows().into_values() {
            company.head().run(&insert(&table, &row)).await;
        }
    }

    async fn set_policies(&mut self, head: &Office) {
        // No union of numbers in SQL.
        if self.rules.columns[NUMBER] == Policy::Union {
            self.rules.columns[NUMBER] = Policy::Max;
        }
        let (row_policy, merges) = match self.rules.granularity {
            Granularity::Columns => ("last_update_wins", true),
            Granularity::Rows(RowPolicy::LastUpdateWins) => ("last_update_wins", false),
            Granularity::Rows(RowPolicy::HeadWins) => ("head_wins", false),
            Granularity::Rows(RowPolicy::BranchWins) => ("branch_wins", false),
            Granularity::Rows(RowPolicy::Park) => ("park", false),
        };
        let (table, delete) = (&self.table, self.rules.delete.name());
        head.run(&format!(
            "SELECT officesync.set_policy('{table}', '{row_policy}', merge_columns => {merges}, on_delete => '{delete}')"
        ))
        .await;
        let columns = COLUMNS.iter().zip(self.rules.columns).skip(1);
        for (column, policy) in columns {
            let policy = policy.name();
            head.run(&format!(
                "SELECT officesync.set_policy('{table}', '{policy}', '{column}')"
            ))
            .await;
        }
    }

    async fn rows(&self, office: &Office) -> Table {
        let rows = office.rows(&format!("SELECT * FROM {}", self.table)).await;
        let number = |text: &String| text.parse().ok();
        rows.iter()
            .map(|row| std::array::from_fn(|at| number(&row[at])))
            .map(|row: Row| (story::table::key_of(&row), row))
            .collect()
    }

    /// A user's transaction. Nothing is applied to the table meanwhile, so that it is known what they saw.
    async fn commit(&mut self, office: &Office, chance: &mut Chance) {
        let table = &self.table;
        office
            .run(&format!(
                "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
            ))
            .await;
        let mut rows = self.rows(office).await;
        for _ in 0..Users::size(chance) {
            if let Some(op) = self.users.change(chance, &rows) {
                self.written.committed(&op, &rows);
                office.run(&statement(table, &op)).await;
                op.apply(&mut rows);
            }
        }
        office.run("COMMIT").await;
    }

    /// What every office has now, and the ledger, explain all that was written.
    async fn check(mut self, head: &Office) -> Result<(), String> {
        let versions = COLUMNS.map(|column| format!("version ->> '{column}'"));
        let entries = head
            .rows(&format!(
                "SELECT {}, state, key ->> 'id' FROM officesync.conflicts, unnest(ARRAY[ours, theirs]) version \
                 WHERE table_name = '{}'",
                versions.join(", "),
                self.table
            ))
            .await;
        for entry in entries {
            let row: Row = std::array::from_fn(|at| entry[at].parse().ok());
            self.written.explain(&row, |_| true);
            if entry[WIDTH] == "parked" {
                self.written
                    .parked(entry[WIDTH + 1].parse().unwrap_or_default());
            }
        }
        let rows = self.rows(head).await;
        let sums = self.rules.columns[NUMBER] == Policy::Sum;
        let told = self.written.end(&rows, sums);
        told.map_err(|wrong| format!("{} {:?}: {wrong}", self.table, self.rules))
    }
}

fn literal(value: Option<i64>) -> String {
    value.map_or("NULL".into(), |value| value.to_string())
}

fn insert(table: &str, row: &Row) -> String {
    format!(
        "INSERT INTO {table} VALUES ({})",
        row.map(literal).join(", ")
    )
}

fn statement(table: &str, op: &Op) -> String {
    let of = |row: &Row| literal(row[KEY]);
    match op {
        Op::Insert(row) => insert(table, row),
        Op::Delete(row) => format!("DELETE FROM {table} WHERE id = {}", of(row)),
        Op::Truncate => format!("TRUNCATE {table}"),
        Op::Update(old, new) => {
            let values: Vec<String> = COLUMNS
                .iter()
                .zip(new)
                .map(|(column, value)| format!("{column} = {}", literal(*value)))
                .collect();
            format!(
                "UPDATE {table} SET {} WHERE id = {}",
                values.join(", "),
                of(old)
            )
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_offices_end_as_the_model_says() {
    let company = Company::running(BRANCHES, "", &[]).await;
    let seed = Seed::of_run("stories");
    let mut chance = Chance::new(seed.number());
    let mut stories = Vec::new();
    for number in 0..STORIES {
        let mut story = Story::new(number, &mut chance);
        story.open(&company).await;
        stories.push(story);
    }
    let names: Vec<String> = stories.iter().map(|story| story.table.clone()).collect();
    let mut tables: Vec<&str> = names.iter().map(String::as_str).collect();
    tables.push("officesync.conflicts");
    converge::wait_equal(&company, &tables).await;

    let mut up = [true; BRANCHES + 1];
    for _ in 0..STEPS {
        if chance.percent(3) {
            let office = 1 + chance.below(BRANCHES);
            up[office] = !up[office];
            let link = &company.office(office).link;
            if up[office] {
                link.restore();
            } else {
                link.cut();
            }
        }
        let office = company.office(chance.below(BRANCHES + 1));
        let story = chance.below(STORIES);
        stories[story].commit(office, &mut chance).await;
    }
    for office in company.offices() {
        office.link.restore();
    }
    converge::wait_equal(&company, &tables).await;
    for story in stories {
        if let Err(wrong) = story.check(company.head()).await {
            panic!("{seed:?}: {wrong}");
        }
    }
    let met = company
        .head()
        .number("SELECT count(*) FROM officesync.conflicts")
        .await;
    assert!(met > 0, "{seed:?}: nothing was in conflict");
    println!("{met} conflicts");
}
