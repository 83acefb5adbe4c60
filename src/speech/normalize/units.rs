//! English names of currencies, units and fractions.

/// One, many, and one and many hundredths.
pub(super) fn currency(sign: &str) -> Option<(&'static str, &'static str, &'static str, &'static str)> {
    Some(match sign {
        "$" | "USD" => ("dollar", "dollars", "cent", "cents"),
        "€" | "EUR" => ("euro", "euros", "cent", "cents"),
        "£" | "GBP" => ("pound", "pounds", "penny", "pence"),
        "₹" | "INR" => ("rupee", "rupees", "paisa", "paise"),
        "JPY" => ("yen", "yen", "sen", "sen"),
        "¥" | "CNY" | "RMB" => ("yuan", "yuan", "fen", "fen"),
        "CHF" => ("franc", "francs", "cent", "cents"),
        _ => return None,
    })
}

/// The name of a fraction that is one character.
pub(super) fn vulgar(c: &str) -> Option<&'static str> {
    Some(match c {
        "½" => "one half",
        "⅓" => "one third",
        "⅔" => "two thirds",
        "¼" => "one quarter",
        "¾" => "three quarters",
        "⅕" => "one fifth",
        "⅛" => "one eighth",
        "⅜" => "three eighths",
        "⅝" => "five eighths",
        "⅞" => "seven eighths",
        _ => return None,
    })
}

/// One and many of a unit.
pub(super) fn unit_name(unit: &str) -> Option<(&'static str, &'static str)> {
    Some(match unit {
        "%" => ("percent", "percent"),
        "‰" => ("per mille", "per mille"),
        "°" => ("degree", "degrees"),
        "℃" => ("degree Celsius", "degrees Celsius"),
        "℉" => ("degree Fahrenheit", "degrees Fahrenheit"),
        "km/h" => ("kilometer per hour", "kilometers per hour"),
        "m/s" => ("meter per second", "meters per second"),
        "mph" => ("mile per hour", "miles per hour"),
        "km²" | "km2" => ("square kilometer", "square kilometers"),
        "m²" | "m2" => ("square meter", "square meters"),
        "m³" | "m3" => ("cubic meter", "cubic meters"),
        "ft²" => ("square foot", "square feet"),
        "kg" => ("kilogram", "kilograms"),
        "g" => ("gram", "grams"),
        "mg" => ("milligram", "milligrams"),
        "km" => ("kilometer", "kilometers"),
        "m" => ("meter", "meters"),
        "cm" => ("centimeter", "centimeters"),
        "mm" => ("millimeter", "millimeters"),
        "µm" | "μm" => ("micrometer", "micrometers"),
        "nm" => ("nanometer", "nanometers"),
        "lb" | "lbs" => ("pound", "pounds"),
        "oz" => ("ounce", "ounces"),
        "ft" => ("foot", "feet"),
        "mi" => ("mile", "miles"),
        "L" => ("liter", "liters"),
        "mL" | "ml" => ("milliliter", "milliliters"),
        "TB" => ("terabyte", "terabytes"),
        "GB" => ("gigabyte", "gigabytes"),
        "MB" => ("megabyte", "megabytes"),
        "KB" | "kB" => ("kilobyte", "kilobytes"),
        "GHz" => ("gigahertz", "gigahertz"),
        "MHz" => ("megahertz", "megahertz"),
        "kHz" => ("kilohertz", "kilohertz"),
        "Hz" => ("hertz", "hertz"),
        "kWh" => ("kilowatt hour", "kilowatt hours"),
        "kW" => ("kilowatt", "kilowatts"),
        "W" => ("watt", "watts"),
        "V" => ("volt", "volts"),
        "mAh" => ("milliamp hour", "milliamp hours"),
        "hr" | "hrs" => ("hour", "hours"),
        "min" | "mins" => ("minute", "minutes"),
        "sec" | "secs" => ("second", "seconds"),
        "ms" => ("millisecond", "milliseconds"),
        "yr" | "yrs" => ("year", "years"),
        "kcal" => ("kilocalorie", "kilocalories"),
        "dB" => ("decibel", "decibels"),
        "px" => ("pixel", "pixels"),
        "x" => ("times", "times"),
        _ => return None,
    })
}
