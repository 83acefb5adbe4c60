//! What an English voice is given to say.

use super::super::{Lang, normalize};

#[test]
fn english_is_said_in_words() {
    for (text, said) in [
        ("It costs $5.50, not $1.", "It costs five dollars and fifty cents, not one dollar."),
        (
            "$1.5 million or €20 or £0.99 or $5-10 or 30 USD",
            "one point five million dollars or twenty euros or ninety-nine pence or five to ten dollars or thirty dollars",
        ),
        ("At 10:45, 9:05 a.m. and 10:00", "At ten forty-five, nine oh five AM and ten o'clock"),
        ("It opens at 5 p.m.", "It opens at five PM."),
        ("Call 555-123-4567 now", "Call five five five, one two three, four five six seven now"),
        ("On 2024-03-05 and 12/25/2023", "On March fifth, twenty twenty-four and December twenty-fifth, twenty twenty-three"),
        (
            "March 5, 2024 and 5 March and July 4th and Dec. 31",
            "March fifth, twenty twenty-four and the fifth of March and July fourth and December thirty-first",
        ),
        ("You may 5 times", "You may five times"),
        (
            "From 1939–1945, in the 1990s and the 80s",
            "From nineteen thirty-nine to nineteen forty-five, in the nineteen nineties and the eighties",
        ),
        (
            "50% of 1,234,567 is 3.14",
            "fifty percent of one million two hundred thirty-four thousand five hundred sixty-seven is three point one four",
        ),
        ("1st, 2nd, 3rd and 21st", "first, second, third and twenty-first"),
        ("20°C or 68 °F, -5°", "twenty degrees Celsius or sixty-eight degrees Fahrenheit, minus five degrees"),
        ("5–10 km at 60 km/h, 1 kg, a 5-km run", "five to ten kilometers at sixty kilometers per hour, one kilogram, a five kilometer run"),
        (
            "Add 1/2 cup, 3/4 cup, 1 1/2 cups and 2½ eggs",
            "Add one half cup, three quarters cup, one and one half cups and two and one half eggs",
        ),
        ("Open 24/7, rated 8/10", "Open twenty-four seven, rated eight out of ten"),
        ("Dr. Smith lives on Main St. in St. Louis", "Doctor Smith lives on Main Street in Saint Louis"),
        ("Fruit, e.g. apples, i.e. food, etc.", "Fruit, for example apples, that is food, et cetera."),
        ("2 + 3 = 5 and 4 × 5 > 6", "two plus three equals five and four times five is greater than six"),
        ("x² and 2^10 and a^2", "x squared and two to the power of ten and a squared"),
        ("COVID-19, MP3, 4K and version v2.0.1", "COVID-nineteen, MP three, four K and version version two point zero point one"),
        ("#5 and No. 7 and R&D", "number five and number seven and R and D"),
        ("his/her and and/or", "his or her and and or"),
        ("Python 3.12 in 2024 for 2500 people", "Python three point one two in twenty twenty-four for two thousand five hundred people"),
        ("The U.S. and the U.K.", "The US and the UK."),
        ("C# and C++ and Node.js", "C sharp and C plus plus and Node.js"),
        ("The ratio is 16:9 and the score 3-2", "The ratio is sixteen to nine and the score three to two"),
        ("A → B, ~5 apples", "A to B, about five apples"),
        ("Agent 007 has 192.168.1.1", "Agent zero zero seven has one hundred ninety-two point one hundred sixty-eight point one point one"),
        ("I have no. It stops. The cat sat.", "I have no. It stops. The cat sat."),
        ("I'm here; don't go!", "I'm here; don't go!"),
        (
            "~150 million km away; Henry VIII and Chapter IV, and I",
            "about one hundred fifty million kilometers away; Henry the eighth and Chapter four, and I",
        ),
        ("5 - 3 and 10^8 m/s", "five minus three and ten to the power of eight meters per second"),
        ("He is 5'11\" tall", "He is five feet eleven inches tall"),
    ] {
        assert_eq!(normalize(text, Lang::En), said, "{text}");
    }
}

#[test]
fn numbers_of_any_length_are_said() {
    let long = "9".repeat(500);
    assert_eq!(normalize(&long, Lang::En).matches("nine").count(), 500);
    for text in [
        "99999999999999999999:99",
        "1/0",
        "0/0",
        "$99999999999999999999999.99",
        "99/99/9999",
        "1-2-3-4",
        "-",
        "$",
        "1..2",
        "1,2,3,,4",
        "5'99\"",
        "24:99",
        "°",
    ] {
        let _ = normalize(text, Lang::En);
        let _ = normalize(text, Lang::Zh);
    }
}
