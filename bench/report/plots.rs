//! The figures as plots.

use std::path::Path;

use plotters::prelude::*;

use crate::figures::Figures;

type Failure = Box<dyn std::error::Error>;

/// One measure over the sizes of records, one line a peer.
pub fn by_size(
    figures: &Figures,
    measure: &str,
    title: &str,
    peers: &[&str],
    path: &Path,
) -> Result<(), Failure> {
    let line = |peer: &str| -> Vec<(f64, f64)> {
        let own = figures
            .all
            .iter()
            .filter(|figure| figure.measure == measure && figure.peer == peer);
        #[allow(clippy::cast_precision_loss)] // sizes far below 2^52
        own.filter_map(|figure| Some((figure.size? as f64, figure.median().max(0.1))))
            .collect()
    };
    let lines: Vec<_> = peers.iter().map(|peer| (*peer, line(peer))).collect();
    let values = || {
        lines
            .iter()
            .flat_map(|(_, line)| line.iter().map(|point| point.1))
    };
    let (least, most) = (
        values().fold(f64::MAX, f64::min),
        values().fold(f64::MIN, f64::max),
    );
    if least > most {
        return Ok(());
    }
    let area = SVGBackend::new(path, (860, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(620);
    let mut chart = ChartBuilder::on(&left)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (48.0..90_000.0).log_scale(),
            (least / 1.5..most * 1.5).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("bytes of a record")
        .y_desc("ns")
        .x_label_formatter(&|size| format!("{size:.0}"))
        .y_label_formatter(&|ns| {
            if *ns < 10.0 {
                format!("{ns:.1}")
            } else {
                format!("{ns:.0}")
            }
        })
        .draw()?;
    for (index, (peer, line)) in lines
        .iter()
        .enumerate()
        .filter(|(_, (_, line))| !line.is_empty())
    {
        let color = Palette99::pick(index).to_rgba();
        let width = if peer.starts_with("pegel") { 4 } else { 2 };
        chart.draw_series(LineSeries::new(line.clone(), color.stroke_width(width)))?;
        chart.draw_series(
            line.iter()
                .map(|point| Circle::new(*point, 3, color.filled())),
        )?;
        let at = 60 + 24 * i32::try_from(index)?;
        right.draw(&PathElement::new(
            [(4, at), (30, at)],
            color.stroke_width(width),
        ))?;
        right.draw(&Text::new(
            (*peer).to_owned(),
            (38, at - 7),
            ("sans-serif", 15),
        ))?;
    }
    area.present()?;
    Ok(())
}

/// One measure without sizes, one bar a peer.
pub fn bars(figures: &Figures, measure: &str, title: &str, path: &Path) -> Result<(), Failure> {
    let own = figures
        .all
        .iter()
        .filter(|figure| figure.measure == measure);
    let mut bars: Vec<_> = own
        .map(|figure| (figure.peer.clone(), figure.median()))
        .collect();
    if bars.is_empty() {
        return Ok(());
    }
    bars.sort_unstable_by(|one, other| other.1.total_cmp(&one.1));
    let unit = figures.all.iter().find(|figure| figure.measure == measure);
    let unit = unit.map_or("", |figure| figure.unit.as_str());
    let most = bars.iter().map(|bar| bar.1).fold(0.0, f64::max);
    let height = 70 + 34 * u32::try_from(bars.len())?;
    let area = SVGBackend::new(path, (860, height)).into_drawing_area();
    area.fill(&WHITE)?;
    area.draw(&Text::new(title.to_owned(), (20, 14), ("sans-serif", 20)))?;
    for (index, (peer, value)) in bars.iter().enumerate() {
        let top = 52 + 34 * i32::try_from(index)?;
        #[allow(clippy::cast_possible_truncation)] // a few hundred dots
        let end = 220 + (value / most * 480.0) as i32;
        let color = if peer.starts_with("pegel") {
            &RGBColor(230, 25, 75)
        } else {
            &RGBColor(150, 150, 150)
        };
        area.draw(&Text::new(peer.clone(), (20, top + 3), ("sans-serif", 15)))?;
        area.draw(&Rectangle::new(
            [(220, top), (end, top + 22)],
            color.filled(),
        ))?;
        let label = format!("{value:.1} {unit}");
        area.draw(&Text::new(label, (end + 8, top + 3), ("sans-serif", 15)))?;
    }
    area.present()?;
    Ok(())
}
