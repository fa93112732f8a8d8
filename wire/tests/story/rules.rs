//! The policies of a run.

use super::chance::Chance;
use super::table::{FOLLOWED, NUMBER, SMALL, WIDTH};
use officesync_wire::merge::{DeletePolicy, Granularity, Policy, RowPolicy, Rules};

/// The rules of the table, owned.
#[derive(Debug, Clone)]
pub(crate) struct TableRules {
    pub(crate) columns: [Policy; WIDTH],
    pub(crate) granularity: Granularity,
    pub(crate) delete: DeletePolicy,
}

impl TableRules {
    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules {
            columns: &self.columns,
            granularity: self.granularity,
            delete: self.delete,
        }
    }
}

/// Any rules at all.
pub(crate) fn rules(chance: &mut Chance) -> TableRules {
    let any = [
        Policy::LastUpdateWins,
        Policy::LastUpdateWins,
        Policy::LastUpdateWins,
        Policy::HeadWins,
        Policy::BranchWins,
        Policy::Max,
        Policy::Min,
        Policy::Park,
    ];
    let mut columns = [Policy::LastUpdateWins; WIDTH];
    for column in [FOLLOWED[0], FOLLOWED[1], SMALL] {
        columns[column] = chance.pick(&any);
    }
    columns[NUMBER] = chance.pick(&[
        Policy::Sum,
        Policy::Sum,
        Policy::Union,
        Policy::Max,
        Policy::LastUpdateWins,
    ]);
    let rows = [
        RowPolicy::LastUpdateWins,
        RowPolicy::HeadWins,
        RowPolicy::BranchWins,
        RowPolicy::Park,
    ];
    TableRules {
        columns,
        granularity: if chance.percent(70) {
            Granularity::Columns
        } else {
            Granularity::Rows(chance.pick(&rows))
        },
        delete: chance.pick(&[
            DeletePolicy::LaterWins,
            DeletePolicy::LaterWins,
            DeletePolicy::UpdateWins,
            DeletePolicy::DeleteWins,
            DeletePolicy::Park,
        ]),
    }
}
