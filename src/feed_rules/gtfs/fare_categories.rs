//! Fare products with more than one usual rider.

use std::collections::BTreeMap;

use super::prelude::*;

pub static SEVERAL_DEFAULTS: Notice = Notice {
    code: "fare_product_with_multiple_default_rider_categories",
    severity: Severity::Error,
    files: &["fare_products.txt", "rider_categories.txt"],
    fields: &["csvRowNumber1", "csvRowNumber2", "fareProductId", "riderCategoryId1", "riderCategoryId2"],
    en: Words {
        what: "A fare product has two rider categories that are the usual one, so it is not clear which price to show.",
        mend: "Make one of them the default.",
    },
    de: Words {
        what: "Ein Tarifprodukt hat zwei Fahrgastgruppen als Regelfall; unklar ist, welcher Preis gilt.",
        mend: "Nur eine als Regelfall kennzeichnen.",
    },
};

const CATEGORIES: &str = "rider_category_id,rider_category_name,is_default_fare_category\n\
                          adult,Adult,1\n\
                          child,Child,0\n\
                          all,All,1\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&SEVERAL_DEFAULTS],
    needs: Needs::Tables(&["fare_products", "rider_categories"]),
    check: Some(check),
    examples: &[
        fails(
            "fare_product_with_multiple_default_rider_categories",
            1,
            &[
                ("rider_categories.txt", CATEGORIES),
                (
                    "fare_products.txt",
                    "fare_product_id,rider_category_id,amount,currency\n\
                     f,adult,1.00,EUR\n\
                     f,all,1.00,EUR\n",
                ),
            ],
        ),
        passes(
            "fare_product_with_multiple_default_rider_categories",
            &[
                ("rider_categories.txt", CATEGORIES),
                (
                    "fare_products.txt",
                    "fare_product_id,rider_category_id,amount,currency\n\
                     f,adult,1.00,EUR\n\
                     f,child,1.00,EUR\n\
                     g,all,1.00,EUR\n",
                ),
            ],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let (products, categories) = (feed.table("fare_products"), feed.table("rider_categories"));
    let (ids, riders) = (products.text("fare_product_id"), products.text("rider_category_id"));
    let usual = categories.int("is_default_fare_category");
    let rows = feed.link("fare_products", "rider_category_id", "rider_categories", "rider_category_id");
    let mut found: BTreeMap<u32, Vec<(u32, usize)>> = BTreeMap::new();
    for row in 0..products.rows {
        let (Some(product), Some(rider)) = (ids.code(row), riders.code(row)) else { continue };
        let category = rows[rider as usize];
        if category == NO_ROW || usual.get(category as usize) != Some(1) {
            continue;
        }
        let list = found.entry(product).or_default();
        // The first two are told.
        if list.len() < 2 && list.iter().all(|(other, _)| *other != rider) {
            list.push((rider, row));
        }
    }
    for list in found.values().filter(|list| list.len() > 1) {
        let (one, two) = (list[0].1, list[1].1);
        out.add(&SEVERAL_DEFAULTS, || {
            [products.at(one), products.at(two), ids.value(one), riders.value(one), riders.value(two)]
        });
    }
}
