//! The pictures: bars and lines as SVG.

use std::path::Path;

use plotters::prelude::*;

use crate::sample::Spread;

const SIZE: (u32, u32) = (760, 420);
/// Ours first; colours that stay apart for everybody's eyes.
const COLOURS: [RGBColor; 4] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
];
const FONT: &str = "sans-serif";

/// Groups of bars side by side: one bar a series, the median, with a line from the smallest to the largest.
#[derive(Debug)]
pub(crate) struct Bars<'a> {
    pub(crate) title: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) groups: &'a [&'a str],
    /// Name, and for each group the values of all rounds.
    pub(crate) series: &'a [(&'a str, &'a [Vec<f64>])],
}

/// Points joined by lines.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    pub(crate) title: &'a str,
    pub(crate) across: &'a str,
    pub(crate) up: &'a str,
    /// Name and points, in the order in which they are joined.
    pub(crate) series: &'a [(&'a str, Vec<(f64, f64)>)],
}

/// Draws bars.
pub(crate) fn bars(file: &Path, bars: &Bars<'_>) {
    let spreads: Vec<Vec<Spread>> = bars
        .series
        .iter()
        .map(|(_, groups)| groups.iter().map(|values| Spread::of(values)).collect())
        .collect();
    let top = spreads.iter().flatten().map(|spread| spread.max);
    let top = top.fold(0.0, f64::max) * 1.1;
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::new(file, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(bars.title, (FONT, 16))
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..bars.groups.len() as f64, 0.0..top)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .disable_x_mesh()
            .disable_x_axis()
            .y_desc(bars.unit)
            .draw()?;
        // Under each group its name; a range of numbers knows none.
        for (number, group) in bars.groups.iter().enumerate() {
            let below = chart.backend_coord(&(number as f64 + 0.4, 0.0));
            root.draw(&Text::new(
                (*group).to_owned(),
                (below.0, below.1 + 10),
                (FONT, 14),
            ))?;
        }
        let width = 0.8 / bars.series.len() as f64;
        for (place, ((name, _), groups)) in bars.series.iter().zip(&spreads).enumerate() {
            let colour = COLOURS[place % COLOURS.len()];
            let shapes = groups.iter().enumerate().map(|(number, spread)| {
                let left = number as f64 + 0.1 + place as f64 * width;
                Rectangle::new(
                    [(left, 0.0), (left + width * 0.95, spread.median)],
                    colour.filled(),
                )
            });
            chart
                .draw_series(shapes)?
                .label(*name)
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled())
                });
            let spans = groups.iter().enumerate().map(|(number, spread)| {
                let middle = number as f64 + 0.1 + (place as f64 + 0.475) * width;
                PathElement::new(vec![(middle, spread.min), (middle, spread.max)], BLACK)
            });
            chart.draw_series(spans)?;
        }
        legend(&mut chart)?;
        Ok(root.present()?)
    };
    draw().unwrap_or_else(|error| panic!("cannot draw {}: {error}", file.display()));
}

/// Draws lines.
pub(crate) fn lines(file: &Path, lines: &Lines<'_>) {
    let points = || lines.series.iter().flat_map(|(_, points)| points);
    let right = points().map(|point| point.0).fold(0.0, f64::max) * 1.05;
    let top = points().map(|point| point.1).fold(0.0, f64::max) * 1.1;
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::new(file, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(lines.title, (FONT, 16))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..right.max(0.001), 0.0..top.max(0.001))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(lines.across)
            .y_desc(lines.up)
            .draw()?;
        for (place, (name, points)) in lines.series.iter().enumerate() {
            let colour = COLOURS[place % COLOURS.len()];
            chart
                .draw_series(LineSeries::new(
                    points.iter().copied(),
                    colour.stroke_width(2),
                ))?
                .label(*name)
                .legend(move |(x, y)| {
                    PathElement::new(vec![(x, y), (x + 14, y)], colour.stroke_width(2))
                });
            chart.draw_series(
                points
                    .iter()
                    .map(|point| Circle::new(*point, 2, colour.filled())),
            )?;
        }
        legend(&mut chart)?;
        Ok(root.present()?)
    };
    draw().unwrap_or_else(|error| panic!("cannot draw {}: {error}", file.display()));
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>) -> Result<(), Box<dyn std::error::Error>> {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}
