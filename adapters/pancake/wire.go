package pancake

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The shapes of Pancake's JSON, as far as they are read. No field is of a type that could refuse what comes: a value of
// another type than expected leaves its kind behind, and whoever reads the field decides what that means.

// wireOrder is an order (§2–§7).
type wireOrder struct {
	Status     scalar `json:"status"`
	InsertedAt scalar `json:"inserted_at"`
	UpdatedAt  scalar `json:"updated_at"`

	BillFullName    scalar               `json:"bill_full_name"`
	BillPhoneNumber scalar               `json:"bill_phone_number"`
	BillEmail       scalar               `json:"bill_email"`
	Customer        object[wireCustomer] `json:"customer"`
	ShippingAddress object[wireAddress]  `json:"shipping_address"`

	Items list[object[wireItem]] `json:"items"`

	OrderCurrency  scalar `json:"order_currency"`
	TotalDiscount  scalar `json:"total_discount"`
	ShippingFee    scalar `json:"shipping_fee"`
	IsFreeShipping scalar `json:"is_free_shipping"`
	Surcharge      scalar `json:"surcharge"`
	Tax            scalar `json:"tax"`

	COD              scalar `json:"cod"`
	MoneyToCollect   scalar `json:"money_to_collect"`
	Cash             scalar `json:"cash"`
	Prepaid          scalar `json:"prepaid"`
	TransferMoney    scalar `json:"transfer_money"`
	ChargedByCard    scalar `json:"charged_by_card"`
	ChargedByMomo    scalar `json:"charged_by_momo"`
	ChargedByQRPay   scalar `json:"charged_by_qrpay"`
	ChargedByVNPay   scalar `json:"charged_by_vnpay"`
	ChargedByKredivo scalar `json:"charged_by_kredivo"`
	ChargedByFundiin scalar `json:"charged_by_fundiin"`
	ChargedByOnePay  scalar `json:"charged_by_onepay"`

	Creator       object[wirePerson]              `json:"creator"`
	StatusHistory list[object[wireStatusHistory]] `json:"status_history"`

	OrderSources     scalar `json:"order_sources"`
	OrderSourcesName scalar `json:"order_sources_name"`
	MarketplaceID    scalar `json:"marketplace_id"`

	Tags    list[tag]           `json:"tags"`
	Note    scalar              `json:"note"`
	Partner object[wirePartner] `json:"partner"`
}

// wireCustomer is the buyer as the shop has them (§4.2).
type wireCustomer struct {
	ID           scalar                    `json:"id"`
	Name         scalar                    `json:"name"`
	PhoneNumbers list[scalar]              `json:"phone_numbers"`
	Emails       list[scalar]              `json:"emails"`
	Gender       scalar                    `json:"gender"`
	DateOfBirth  scalar                    `json:"date_of_birth"`
	Birthday     scalar                    `json:"birthday"`
	Tags         list[tag]                 `json:"tags"`
	FacebookID   scalar                    `json:"fb_id"`
	Username     scalar                    `json:"username"`
	Addresses    list[object[wireAddress]] `json:"shop_customer_addresses"`
}

// wireAddress is where an order goes (§4.3).
type wireAddress struct {
	FullName       scalar `json:"full_name"`
	PhoneNumber    scalar `json:"phone_number"`
	Address        scalar `json:"address"`
	FullAddress    scalar `json:"full_address"`
	NewFullAddress scalar `json:"new_full_address"`
	RenderType     scalar `json:"render_type"`
	CommuneName    scalar `json:"commune_name"`
	CommnueName    scalar `json:"commnue_name"` // Pancake's own misspelling
	DistrictName   scalar `json:"district_name"`
	ProvinceName   scalar `json:"province_name"`
}

// wireItem is one line (§5).
type wireItem struct {
	ID                  scalar                `json:"id"`
	ProductID           scalar                `json:"product_id"`
	VariationID         scalar                `json:"variation_id"`
	VariationInfo       object[wireVariation] `json:"variation_info"`
	Quantity            scalar                `json:"quantity"`
	DiscountEachProduct scalar                `json:"discount_each_product"`
	IsDiscountPercent   scalar                `json:"is_discount_percent"`
	TotalDiscount       scalar                `json:"total_discount"`
	IsBonusProduct      scalar                `json:"is_bonus_product"`
	CompositeItemID     scalar                `json:"composite_item_id"`
	NoteProduct         scalar                `json:"note_product"`
}

// wireVariation is the product of a line.
type wireVariation struct {
	Name             scalar `json:"name"`
	Detail           scalar `json:"detail"`
	DisplayID        scalar `json:"display_id"`
	ProductDisplayID scalar `json:"product_display_id"`
	Barcode          scalar `json:"barcode"`
	CustomID         scalar `json:"custom_id"`
	RetailPrice      scalar `json:"retail_price"`
	ExactPrice       scalar `json:"exact_price"`
}

// wirePerson is a member of the shop's staff (§7.1).
type wirePerson struct {
	ID          scalar `json:"id"`
	Name        scalar `json:"name"`
	Email       scalar `json:"email"`
	PhoneNumber scalar `json:"phone_number"`
}

// wireStatusHistory is one change of status, oldest first (§7.6).
type wireStatusHistory struct {
	Status    scalar             `json:"status"`
	OldStatus scalar             `json:"old_status"`
	Editor    object[wirePerson] `json:"editor"`
	// Name is the editor's.
	Name      scalar `json:"name"`
	UpdatedAt scalar `json:"updated_at"`
}

// wirePartner is the courier (§7.4).
type wirePartner struct {
	PartnerID     scalar `json:"partner_id"`
	PartnerName   scalar `json:"partner_name"`
	PartnerStatus scalar `json:"partner_status"`
	ExtendCode    scalar `json:"extend_code"`
}

// kind is that of the JSON value that came; 0 when none did.
type kind = jsontext.Kind

// scalar is a value that should be text, a number or a flag.
type scalar struct {
	kind kind
	// text is what a string or number says.
	text string
}

// UnmarshalJSONFrom takes any value.
func (s *scalar) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	value, err := decoder.ReadValue()
	if err != nil {
		return err
	}
	*s = scalar{kind: value.Kind(), text: rawText(value)}
	return nil
}

// object is a value that should be an object; the zero T unless it is one.
type object[T any] struct {
	kind  kind
	value T
}

// UnmarshalJSONFrom takes any value.
func (o *object[T]) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	*o = object[T]{kind: decoder.PeekKind()}
	if o.kind != '{' {
		return decoder.SkipValue()
	}
	return json.UnmarshalDecode(decoder, &o.value)
}

// list is a value that should be an array; empty unless it is one.
type list[T any] struct {
	kind   kind
	values []T
	// more tells that there were more than maxValues of them, which were passed over: a body of two megabytes could
	// hold 700,000 empty items, and each would take half a kilobyte here.
	more bool
}

// maxValues is how many values of a list are read. Orders of hundreds of lines exist; of thousands, only as attacks.
const maxValues = 2000

// UnmarshalJSONFrom takes any value.
func (l *list[T]) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	*l = list[T]{kind: decoder.PeekKind()}
	if l.kind != '[' {
		return decoder.SkipValue()
	}
	if _, err := decoder.ReadToken(); err != nil {
		return err
	}
	for decoder.PeekKind() != ']' {
		if l.more = len(l.values) == maxValues; l.more {
			if err := decoder.SkipValue(); err != nil {
				return err
			}
			continue
		}
		var value T
		if err := json.UnmarshalDecode(decoder, &value); err != nil {
			return err
		}
		l.values = append(l.values, value)
	}
	_, err := decoder.ReadToken()
	return err
}

// tag is a label: a name, an id, or an object with both (§7.3).
type tag struct{ name string }

// UnmarshalJSONFrom takes any value.
func (t *tag) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	if decoder.PeekKind() != '{' {
		var value scalar
		err := value.UnmarshalJSONFrom(decoder)
		t.name = value.line(maxTag)
		return err
	}
	var value struct {
		ID   scalar `json:"id"`
		Name scalar `json:"name"`
	}
	err := json.UnmarshalDecode(decoder, &value)
	t.name = firstOf(value.Name.line(maxTag), value.ID.line(maxTag))
	return err
}

// decodeOrder reads an order's object, which is known to be valid JSON.
func decodeOrder(object []byte) (wireOrder, error) {
	var order wireOrder
	err := json.Unmarshal(object, &order, lenient)
	return order, err
}
