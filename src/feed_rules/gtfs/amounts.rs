//! Amounts of money with more or fewer decimals than their currency has.

use super::prelude::*;
use super::values::{decimals_in, decimals_of};

pub static INVALID_CURRENCY_AMOUNT: Notice = Notice {
    code: "invalid_currency_amount",
    severity: Severity::Error,
    files: &[],
    fields: &["csvRowNumber", "currencyCode", "fieldName", "fieldValue", "filename"],
    en: Words {
        what: "The amount does not have as many decimals as the currency, so its value is doubtful.",
        mend: "Write 2.50 for euros, 250 for yen.",
    },
    de: Words {
        what: "Der Betrag hat nicht so viele Nachkommastellen wie die Währung; sein Wert ist zweifelhaft.",
        mend: "2.50 bei Euro schreiben, 250 bei Yen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&INVALID_CURRENCY_AMOUNT],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "invalid_currency_amount",
            2,
            &[("fare_products.txt", "fare_product_id,amount,currency\na,2.5,EUR\nb,2.50,EUR\nc,250.00,JPY\n")],
        ),
        passes(
            "invalid_currency_amount",
            &[("fare_products.txt", "fare_product_id,amount,currency\na,2.50,EUR\nb,250,JPY\n")],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("fare_products");
    let (amounts, currencies) = (table.text("amount"), table.text("currency"));
    for row in table.good().filter(|row| amounts.has(*row)) {
        if decimals_of(currencies.get(row)).is_some_and(|decimals| decimals != decimals_in(amounts.get(row))) {
            out.add(&INVALID_CURRENCY_AMOUNT, || {
                let file = table.file.as_str();
                [table.at(row), currencies.value(row), "amount".into(), amounts.value(row), file.into()]
            });
        }
    }
}
