// Package pancake turns what Pancake POS delivers into Orderbridge's words; nothing of Pancake's vocabulary goes
// further in. It is the anti-corruption layer of the way in, and it has two doors:
//
//   - ReadEnvelope runs between the socket and the log. It proves that a body is one whole JSON object and finds what kind
//     of thing it is and which order of which shop, in one pass and with little garbage.
//   - Interpret runs later, on stored bytes, and reads the whole order. It is deterministic: the same bytes and time of
//     receipt give the same order, whatever the order of keys.
//
// The facts it rests on are Pancake's documents and other people's measurements of real deliveries: delivery and
// kinds of body (docs.pancake.biz/pos/api, "Webhook"), identity of an order (ids beyond 2^53, as text), the status
// table, the amount of a line (total_discount = quantity × discount_each_product in every one of 1076 measured
// lines), times (naive, in UTC) and the shape of buyers, marketplaces and couriers. The project's reference of these
// facts calls them §1 (delivery), §2 (identity), §3 (status), §4 (buyer), §5 (lines), §6 (money), §7 (people, source,
// time), §8 (which field feeds which), §9 (phones and emails) and §10 (quirks); comments here cite those numbers.
//
// # How forgiving it is
//
// A scalar may come as a string, a number, null or not at all. A field that is not needed and has the wrong type
// counts as absent; unknown keys are passed over; of a key that occurs twice, the last one counts. But an amount, a
// quantity or a list of items that is there and cannot be read is a problem with a code and a path, because a wrong
// amount in the CRM is worse than an order that visibly waits for a person. Problems never hold personal data.
//
// # Text
//
// Text is in NFC, trimmed, free of NUL and of what is no character (both impossible in jsonb), and cut, not refused,
// at the lengths that text.go says: names 200 characters, addresses 500, notes 4000, products 300, codes and tags
// 100. A buyer keeps 20 phones and 20 emails, anything 50 tags. An order of more than 2000 items is a problem.
package pancake
