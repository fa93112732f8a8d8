//! Figure 2, Small transactions: what tracking leaves of the rate of eight busy clients.

use super::bulk;
use crate::ground::{self, timed};
use crate::options::Options;
use crate::pgbench::{self, Until};
use crate::report::{Figure, Law, Line};
use crate::sales;

pub(super) async fn measure(options: &Options, figure: &mut Figure) {
    figure.title = format!(
        "Small transactions (one update, one insert), 8 clients for {} s",
        options.seconds
    );
    figure.base = "untracked";
    let office = ground::alone().await;
    let client = office.connect().await;
    let rivals = bulk::rivals(&office, figure).await;
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); rivals.len()];
    let count = rivals.len();
    for round in 0..options.rounds {
        for turn in 0..count {
            let number = (round + turn) % count;
            let rival = &rivals[number];
            rival.clean(&client).await;
            timed(&client, &sales::stock(rival.table, sales::STOCK)).await;
            timed(&client, &format!("VACUUM ANALYZE {}", rival.table)).await;
            let script = sales::small(rival.table, sales::STOCK);
            let until = Until::Seconds(options.seconds);
            let outcome = pgbench::load(&office, &script, until, None).await;
            rates[number].push(outcome.per_second);
            rival.clean(&client).await;
        }
    }
    for (rival, per_second) in rivals.iter().zip(&rates) {
        let mut line = Line::new(rival.what, "/s", per_second);
        if rival.table != "untracked" {
            line = line.against(per_second, &rates[0]);
        }
        if rival.table == "tracked" {
            line = line.law(Law::RatioAtLeast(0.93));
        }
        figure.lines.push(line);
    }
}
