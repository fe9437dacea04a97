package pancake

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"orderbridge/app/command"
	"orderbridge/domain/problem"
)

// Interpreter reads Pancake's deliveries. It has no state.
type Interpreter struct{}

var (
	_ command.EnvelopeReader   = Interpreter{}
	_ command.OrderInterpreter = Interpreter{}
)

const (
	kindOrders   = "orders"
	kindProducts = "products"

	maxOrderIDRunes = 64
	maxShopIDDigits = 20
	maxKindRunes    = 64

	// maxWrappers is how many objects may stand around an order: data, and order within it.
	maxWrappers = 2
)

var (
	errNotJSON        = problem.Malformed("body-not-json", "the body is not one whole JSON value in UTF-8")
	errNotObject      = problem.Malformed("body-not-object", "the body is not a JSON object")
	errOrderIDMissing = problem.Invalid("order-id-missing", "the order has neither id nor system_id")
	errOrderIDInvalid = problem.Invalid("order-id-invalid", "the order's id is not a text of 1 to 64 printable characters or a whole number")
	errShopIDMissing  = problem.Invalid("shop-id-missing", "the order has no shop_id of 1 to 20 digits")
	errNotAnOrder     = problem.Invalid("not-an-order", "the body is not about an order")
)

// ReadEnvelope finds what a delivered body is about (§1.2, §2). Beside a problem it returns what could be read, so
// that a refused delivery can be filed under its shop. A body of another kind than orders is no problem, and is not
// looked at further.
func (Interpreter) ReadEnvelope(body []byte) (command.Envelope, error) {
	envelope, _, err := open(body)
	return envelope, err
}

// open reads the envelope and finds the order's object within the body: the body itself, or what a wrapper holds.
func open(body []byte) (command.Envelope, []byte, error) {
	body = bytes.TrimPrefix(body, []byte("\uFEFF"))
	if !utf8.Valid(body) {
		return command.Envelope{}, nil, errNotJSON
	}
	found, err := scan(body)
	if err != nil {
		return command.Envelope{}, nil, err
	}
	object, header := body, found.header
	// {"data":{…}} and {"data":{"order":{…}}}: what the wrapper says of shop and type holds where the order is silent.
	for inner, depth := found.data, 1; inner != nil && depth <= maxWrappers && header.isSilent(); depth++ {
		wrapped, err := scan(inner)
		if err != nil {
			return command.Envelope{}, nil, err
		}
		object, header = inner, wrapped.within(header)
		inner = wrapped.order
	}
	envelope, err := header.envelope()
	return envelope, object, err
}

// header is the raw values that an envelope is made of.
type header struct {
	id, systemID, shopID, kind, eventType jsontext.Value
	// productLike and orderLike tell records apart that say no kind: Pancake documents {"data":{record},"success":…}
	// for products and stock, and those records have ids too.
	productLike, orderLike bool
}

// scanned is what one pass over an object finds.
type scanned struct {
	header
	// data and order are the objects under these keys, where a wrapper keeps its content; nil when there are none.
	data, order []byte
}

// isSilent tells that an object says neither which order it is nor that it is something else than an order.
func (h header) isSilent() bool {
	return isNothing(h.id) && isNothing(h.systemID) && (h.kindText() == "" || h.kindText() == kindOrders)
}

// within fills what a wrapped object leaves open from what the wrapper says.
func (h header) within(wrapper header) header {
	for _, field := range []struct{ inner, outer *jsontext.Value }{
		{&h.shopID, &wrapper.shopID}, {&h.kind, &wrapper.kind}, {&h.eventType, &wrapper.eventType},
	} {
		if isNothing(*field.inner) {
			*field.inner = *field.outer
		}
	}
	return h
}

// kindText is what the object says it is; a record that says nothing and can only be a product or its stock is one.
func (h header) kindText() string {
	if isNothing(h.kind) {
		if h.productLike && !h.orderLike {
			return kindProducts
		}
		return ""
	}
	if string(h.kind) == `"`+kindOrders+`"` {
		return kindOrders // nearly always, and without garbage
	}
	return cut(cleanLine(rawText(h.kind)), maxKindRunes)
}

func (h header) envelope() (command.Envelope, error) {
	envelope := command.Envelope{Kind: h.kindText()}
	if shopID := idText(h.shopID); len(shopID) <= maxShopIDDigits && isDigits(shopID) {
		envelope.ShopID = shopID
	}
	switch string(h.eventType) {
	case `"create"`:
		envelope.EventType = "create"
	case `"update"`:
		envelope.EventType = "update"
	default:
		envelope.EventType = cut(cleanLine(rawText(h.eventType)), maxKindRunes)
	}

	id := h.id
	if isNothing(id) {
		id = h.systemID
	}
	missing := isNothing(id)
	if text := idText(id); isOrderID(text) {
		envelope.OrderID = text
	}
	switch {
	case envelope.Kind != "" && envelope.Kind != kindOrders:
		return envelope, nil
	case missing:
		return envelope, errOrderIDMissing
	case envelope.OrderID == "":
		return envelope, errOrderIDInvalid
	case envelope.ShopID == "":
		return envelope, errShopIDMissing
	default:
		return envelope, nil
	}
}

// decoders are reused, as each brings buffers of its own.
var decoders = sync.Pool{New: func() any { return &pooledDecoder{} }}

type pooledDecoder struct {
	source  bytes.Buffer
	decoder jsontext.Decoder
}

// lenient says how JSON is read: a duplicate key must not lose an order, and neither must half of a surrogate pair
// that somebody's emoji was cut to. That the bytes themselves are UTF-8 is checked before.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// scan proves that body is one whole JSON object and notes the few values that matter, in one pass. The values are
// parts of body.
func scan(body []byte) (scanned, error) {
	pooled := decoders.Get().(*pooledDecoder)
	defer func() {
		pooled.source = bytes.Buffer{} // let go of the body
		pooled.decoder.Reset(&pooled.source, lenient)
		decoders.Put(pooled)
	}()
	pooled.source = *bytes.NewBuffer(body)
	decoder := &pooled.decoder
	decoder.Reset(&pooled.source, lenient)

	var found scanned
	if decoder.PeekKind() != '{' {
		if err := decoder.SkipValue(); err != nil {
			return found, errNotJSON.Because(err)
		}
		if err := expectEnd(decoder); err != nil {
			return found, err
		}
		return found, errNotObject
	}
	if _, err := decoder.ReadToken(); err != nil {
		return found, errNotJSON.Because(err)
	}
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadValue()
		if err != nil {
			return found, errNotJSON.Because(err)
		}
		target := found.target(name)
		if target == nil {
			if err := decoder.SkipValue(); err != nil {
				return found, errNotJSON.Because(err)
			}
			continue
		}
		value, err := decoder.ReadValue()
		if err != nil {
			return found, errNotJSON.Because(err)
		}
		end := int(decoder.InputOffset())
		*target = body[end-len(value) : end : end]
	}
	if _, err := decoder.ReadToken(); err != nil {
		return found, errNotJSON.Because(err)
	}
	found.data, found.order = objectOnly(found.data), objectOnly(found.order)
	return found, expectEnd(decoder)
}

func expectEnd(decoder *jsontext.Decoder) error {
	if _, err := decoder.ReadToken(); err != io.EOF { //nolint:errorlint // the decoder returns io.EOF itself
		return errNotJSON.Because(err)
	}
	return nil
}

// target is where the value of a key belongs; nil when it is passed over.
func (s *scanned) target(name jsontext.Value) *jsontext.Value {
	if bytes.IndexByte(name, '\\') >= 0 {
		name = jsontext.Value(`"` + rawText(name) + `"`) // a key may be written with escapes, rare as that is
	}
	switch string(name) {
	case `"id"`:
		return &s.id
	case `"system_id"`:
		return &s.systemID
	case `"shop_id"`:
		return &s.shopID
	case `"type"`:
		return &s.kind
	case `"event_type"`:
		return &s.eventType
	case `"data"`:
		return (*jsontext.Value)(&s.data)
	case `"order"`:
		return (*jsontext.Value)(&s.order)
	case `"variations"`, `"variation_id"`, `"product_id"`:
		s.productLike = true
	case `"items"`, `"status"`, `"bill_full_name"`, `"bill_phone_number"`, `"shipping_address"`:
		s.orderLike = true
	}
	return nil
}

func objectOnly(value []byte) []byte {
	if len(value) == 0 || value[0] != '{' {
		return nil
	}
	return value
}

// isNothing holds for a value that is absent, null or blank.
func isNothing(value jsontext.Value) bool {
	switch value.Kind() {
	case 0, 'n':
		return true
	case '"':
		return len(value) == len(`""`) || strings.TrimSpace(rawText(value)) == ""
	default:
		return false
	}
}

// rawText is what a string or number says; other values say nothing.
func rawText(value jsontext.Value) string {
	switch value.Kind() {
	case '"':
		if inside := value[1 : len(value)-1]; bytes.IndexByte(inside, '\\') < 0 {
			return string(inside)
		}
		text, _ := jsontext.AppendUnquote(nil, value) // the error tells of half surrogates, which were replaced
		return string(text)
	case '0':
		return string(value)
	default:
		return ""
	}
}

// idText is an id in its exact text: a number and the same digits in quotes are one id (§2). Never through a float: ids
// of 18 digits exist. A number with a fraction of zeros is the whole number; any other form of number is no id.
func idText(value jsontext.Value) string {
	text := strings.TrimSpace(rawText(value))
	if value.Kind() != '0' {
		return text
	}
	whole, fraction, hasFraction := strings.Cut(text, ".")
	if hasFraction && strings.Trim(fraction, "0") != "" {
		return ""
	}
	if !isDigits(strings.TrimPrefix(whole, "-")) {
		return "" // an exponent
	}
	if whole == "-0" {
		return "0"
	}
	return whole
}

// isOrderID holds for what may name an order: it becomes part of a stream's name and of a code that people read.
// Slashes and other odd signs are legal; what cannot be seen is not, nor what stands for a character that was lost.
func isOrderID(text string) bool {
	return text != "" && utf8.RuneCountInString(text) <= maxOrderIDRunes &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError })
}

func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
