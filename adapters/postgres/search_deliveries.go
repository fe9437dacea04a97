package postgres

import (
	"context"
	"strings"
	"unicode"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
)

// A text index has no order: of a word that half of all deliveries have it finds half of all, to give the last fifty. And the
// list has no words: to find three deliveries in it, all of it is read. Which of the two is better is found out by looking at
// some of the list first.

const (
	// searchedLatest is how many of the latest deliveries are looked at for words, of each outcome that is asked for. Of a word that
	// these do not fill a page with, one in a hundred has it at most, unless it was commoner in earlier times.
	searchedLatest = 5_000
	// searchedFirst is how many of them are looked at for what is one buyer's or one order's: it is in hardly any. A phone that a shop
	// gives for all who leave none is, and fills a page from so many.
	searchedFirst = 500
	// countedWorded is how many deliveries with the words are looked at to count those of them that match all else.
	countedWorded = 20_000
)

// searchDeliveries reads a part of a list of deliveries that have words.
func (r ReadModel) searchDeliveries(
	ctx context.Context, narrowed narrowing, params dbsqlc.DeliveriesPageParams,
) (rows []dbsqlc.DeliveriesPageRow, err error) {
	latest, whole := int64(searchedLatest), true
	if narrowed.namesOne {
		latest = searchedFirst
	}
	err = r.db.inOrder(ctx, func(tx dbsqlc.DBTX) error {
		rows, whole, err = searchLatest(ctx, tx, latest, narrowed, params)
		return err
	})
	if err != nil || whole {
		return rows, err
	}
	rows = nil
	err = r.db.byIndex(ctx, func(tx dbsqlc.DBTX) error {
		found, err := queries.SearchDeliveries(ctx, tx, dbsqlc.SearchDeliveriesParams{
			Terms: narrowed.terms, WorkspaceID: params.WorkspaceID, BeforeAt: params.BeforeAt, Before: params.Before,
			Outcomes: append([]string{}, narrowed.outcomes...), Reason: params.Reason, ShopID: params.ShopID, // never NULL
			OrderCode: params.OrderCode, OrderCodeLike: params.OrderCodeLike, ReceivedFrom: params.ReceivedFrom,
			ReceivedTo: params.ReceivedTo, AtMost: params.AtMost,
		})
		for _, row := range found {
			rows = append(rows, dbsqlc.DeliveriesPageRow(row))
		}
		return err
	})
	return rows, err
}

// searchLatest looks at so many of the latest deliveries of each outcome. Whole tells that what it found is the part that was asked for.
func searchLatest(
	ctx context.Context, tx dbsqlc.DBTX, latest int64, narrowed narrowing, params dbsqlc.DeliveriesPageParams,
) (rows []dbsqlc.DeliveriesPageRow, whole bool, err error) {
	outcomes := narrowed.outcomes
	if len(outcomes) == 0 {
		outcomes = []string{""} // whatever became of them
	}
	whole = true
	for _, outcome := range outcomes {
		found, err := queries.SearchLatestDeliveries(ctx, tx, dbsqlc.SearchLatestDeliveriesParams{
			Latest: latest, Terms: narrowed.terms, WorkspaceID: params.WorkspaceID, BeforeAt: params.BeforeAt, Before: params.Before,
			Outcome: outcome, Reason: params.Reason, ShopID: params.ShopID, OrderCode: params.OrderCode, OrderCodeLike: params.OrderCodeLike,
			ReceivedFrom: params.ReceivedFrom, ReceivedTo: params.ReceivedTo, AtMost: params.AtMost + 1,
		})
		if err != nil {
			return nil, false, err
		}
		matching, more := 0, false
		for _, row := range found {
			more = more || row.IsLast
			if row.Matches {
				matching++
				rows = append(rows, dbsqlc.DeliveriesPageRow{
					ID: row.ID, ReceivedPosition: row.ReceivedPosition, ReceivedAt: row.ReceivedAt, ShopID: row.ShopID,
					OrderCode: row.OrderCode, Outcome: row.Outcome, Reason: row.Reason,
				})
			}
		}
		whole = whole && (!more || matching >= int(params.AtMost))
	}
	return latestOf(rows, params.AtMost), whole, nil
}

// countSearched counts deliveries that have words: those of an outcome that has few deliveries by looking at them, those of
// others among the deliveries that have the words, as far as these are looked at. What is one buyer's or one order's few have, of any
// outcome.
func (r ReadModel) countSearched(ctx context.Context, narrowed narrowing, params dbsqlc.CountDeliveriesParams, counts []query.OutcomeCount) error {
	if narrowed.namesOne {
		if all, err := r.countWorded(ctx, narrowed.terms, params, counts); all || err != nil {
			return err
		}
	}
	exact, err := r.countOfFew(ctx, narrowed.terms, params, counts)
	if err != nil {
		return err
	}
	if len(exact) < len(counts) && !narrowed.namesOne { // else these are counted already
		if _, err := r.countWorded(ctx, narrowed.terms, params, counts); err != nil {
			return err
		}
	}
	for i, one := range counts {
		if count, ok := exact[one.Outcome]; ok {
			counts[i].Count, counts[i].Capped = count, false
		}
	}
	return nil
}

// countOfFew counts deliveries that have words by looking at all that match all else, of the outcomes that have few of these.
func (r ReadModel) countOfFew(
	ctx context.Context, terms string, params dbsqlc.CountDeliveriesParams, outcomes []query.OutcomeCount,
) (map[query.Outcome]int, error) {
	counts := map[query.Outcome]int{}
	err := r.db.inOrder(ctx, func(tx dbsqlc.DBTX) error {
		for _, one := range outcomes {
			row, err := queries.CountSearchedOfOutcome(ctx, tx, dbsqlc.CountSearchedOfOutcomeParams{
				Terms: terms, WorkspaceID: params.WorkspaceID, Outcome: string(one.Outcome), Reason: params.Reason, ShopID: params.ShopID,
				OrderCode: params.OrderCode, OrderCodeLike: params.OrderCodeLike, ReceivedFrom: params.ReceivedFrom,
				ReceivedTo: params.ReceivedTo, AtMost: searchedLatest,
			})
			if err != nil {
				return err
			}
			if row.LookedAt < searchedLatest {
				counts[one.Outcome] = int(row.Matching)
			}
		}
		return nil
	})
	return counts, err
}

// countWorded counts among the deliveries that have words, as far as these are looked at. All tells that all were.
func (r ReadModel) countWorded(
	ctx context.Context, terms string, params dbsqlc.CountDeliveriesParams, counts []query.OutcomeCount,
) (all bool, err error) {
	var outcomes []string
	for _, one := range counts {
		outcomes = append(outcomes, string(one.Outcome))
	}
	err = r.db.byIndex(ctx, func(tx dbsqlc.DBTX) error {
		rows, err := queries.CountSearchedDeliveries(ctx, tx, dbsqlc.CountSearchedDeliveriesParams{
			Terms: terms, AtMost: countedWorded, WorkspaceID: params.WorkspaceID, Outcomes: outcomes, Reason: params.Reason,
			ShopID: params.ShopID, OrderCode: params.OrderCode, OrderCodeLike: params.OrderCodeLike,
			ReceivedFrom: params.ReceivedFrom, ReceivedTo: params.ReceivedTo,
		})
		found := map[string]int64{}
		for _, row := range rows {
			found[row.Outcome] = row.Count
		}
		all = found[""] < countedWorded
		for i, one := range counts {
			count := found[string(one.Outcome)]
			counts[i].Count = int(min(count, query.MaxCounted))
			counts[i].Capped = count > query.MaxCounted || !all
		}
		return err
	})
	return all, err
}

// deliveryTerms asks the text search of deliveries for all that a filter wants of it; empty for nothing.
func deliveryTerms(filter query.DeliveryFilter) string {
	var terms []string
	if filter.Phone != "" {
		terms = append(terms, lexeme(filter.Phone))
	}
	if search := searchTerms(filter.Search); search != "" {
		terms = append(terms, search)
	}
	return strings.Join(terms, " & ")
}

// searchTerms asks for what was typed. The marks in front of words are those of the projection.
func searchTerms(search query.DeliverySearch) string {
	if search.Email != "" {
		return lexeme("@" + search.Email)
	}
	var words []string
	for _, word := range search.Words {
		term := lexeme("#"+word) + ":*"
		if !search.DigitsInCodes || !strings.ContainsFunc(word, unicode.IsDigit) {
			term = "(" + term + " | " + lexeme(word) + ":*)"
		}
		words = append(words, term)
	}
	all := strings.Join(words, " & ")
	if search.Phone == "" {
		return all
	}
	return "(" + lexeme(search.Phone) + " | (" + all + "))"
}

// lexeme quotes a word of a text search.
func lexeme(word string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(word) + "'"
}
