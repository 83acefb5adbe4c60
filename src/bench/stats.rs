//! Percentiles by nearest rank: the smallest measured value that at least p percent of the values do not exceed. Always a
//! value that really occurred; nothing is interpolated.

use serde_json::{Value, json};

/// The `percent`th percentile, 0 < `percent` ≤ 100; `None` without values. Values that are no numbers are left out.
#[must_use]
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).checked_sub(1)?).copied()
}

/// The median.
#[must_use]
pub fn p50(values: &[f64]) -> Option<f64> {
    percentile(values, 50.0)
}

/// What only one in twenty exceeds.
#[must_use]
pub fn p95(values: &[f64]) -> Option<f64> {
    percentile(values, 95.0)
}

/// `{"p50": …, "p95": …, "n": …}`; null without values.
#[must_use]
pub fn summary(values: &[f64]) -> Value {
    match (p50(values), p95(values)) {
        (Some(p50), Some(p95)) => json!({"p50": rounded(p50), "p95": rounded(p95), "n": values.len()}),
        _ => Value::Null,
    }
}

/// Three digits after the point are enough for milliseconds and ratios.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// `above / below`; `None` when one is missing or `below` is zero.
#[must_use]
pub fn ratio(above: Option<f64>, below: Option<f64>) -> Option<f64> {
    match (above, below) {
        (Some(above), Some(below)) if below > 0.0 => Some(above / below),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_a_measured_value() {
        let values = [15.0, 20.0, 35.0, 40.0, 50.0];
        let ranks = [5.0, 30.0, 40.0, 50.0, 95.0, 100.0].map(|p| percentile(&values, p).unwrap());
        assert_eq!(ranks, [15.0, 20.0, 20.0, 35.0, 50.0, 50.0]);
        assert_eq!(p50(&[4.0, 1.0, 3.0, 2.0]), Some(2.0), "not 2.5: nothing is interpolated");
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((p95(&hundred), percentile(&hundred, 99.0)), (Some(95.0), Some(99.0)));
    }

    #[test]
    fn no_values_have_no_percentile() {
        assert_eq!((p50(&[]), p95(&[f64::NAN])), (None, None));
        assert_eq!(summary(&[]), Value::Null);
        assert_eq!((ratio(Some(3.0), Some(2.0)), ratio(Some(1.0), Some(0.0)), ratio(None, Some(1.0))), (Some(1.5), None, None));
    }
}
