package contact_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"orderbridge/domain/contact"
)

func TestParsePhones(t *testing.T) {
	t.Parallel()
	const masked, unreadable, extension = "phone-masked", "phone-unreadable", "phone-extension"
	const lan, hoa, office = "+84912345678", "+84987654321", "+842838234567"
	for _, test := range []struct {
		name, field string
		want        []string
		code        string
	}{
		{"one number", "0912 345 678", []string{lan}, ""},
		{"commas between digits", "0850,064,295", []string{"+84850064295"}, ""},
		{"an underscore between digits", "0780_082150", []string{"+84780082150"}, ""},
		{"a semicolon behind", "0912345678;", []string{lan}, ""},
		{"the mark of a text", "'0912345678", []string{lan}, ""},
		{"quotation marks", `"0912345678"`, []string{lan}, ""},
		{"Arabic digits", "٠٩١٢٣٤٥٦٧٨", []string{lan}, ""},
		{"Persian digits", "۰۹۱۲ ۳۴۵ ۶۷۸", []string{lan}, ""},
		{"digits on keys", "0\ufe0f\u20e39\ufe0f\u20e31\ufe0f\u20e32345678", []string{lan}, ""},
		{"digits in bold", "𝟎𝟗𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖", []string{lan}, ""},

		{"a label", "SĐT: 0912345678", []string{lan}, ""},
		{"a label in parts", norm.NFD.String("đt 0912.345.678"), []string{lan}, ""},
		{"a label that sticks", "ĐT0912345678", []string{lan}, ""},
		{"a label with a number", "SĐT1: 0912345678, SĐT 2: 0987654321", []string{lan, hoa}, ""},
		{"a scheme", "tel:0912345678", []string{lan}, ""},
		{"a scheme, international", "tel:+84-912-345-678", []string{lan}, ""},
		{"a messenger", "Zalo 0912345678", []string{lan}, ""},
		{"a label of two words", "Phone number: 0912345678", []string{lan}, ""},
		{"a zero eaten behind a label", "SĐT 912345678 (Lan)", []string{lan}, ""},
		{"two labels", "Số điện thoại/Zalo: 0912345678", []string{lan}, ""},
		{"a label behind", "0912345678 (zalo)", []string{lan}, ""},
		{"a label between", "0912345678 zalo 0987654321", []string{lan, hoa}, ""},
		{"a picture of a phone", "📞 0912345678", []string{lan}, ""},
		{"a name, and a label at the number", "Lan, SĐT 0912345678", []string{lan}, ""},

		{"a name in brackets", "0912 345 678 (Lan)", []string{lan}, ""},
		{"a name in brackets that sticks", "0912345678(chị Lan)", []string{lan}, ""},
		{"a name in brackets before", "(Lan) 0912345678", []string{lan}, ""},
		{"a remark with few digits in brackets", "0912345678 (gọi sau 17h30)", []string{lan}, ""},
		{"a name behind", "0912345678 chị Nguyễn Thị Lan", []string{lan}, ""},
		{"a name behind a dash", "0912345678 - Lan", []string{lan}, ""},
		{"the code in brackets and a name", "(+84) (0)912-345-678 Lan", []string{lan}, ""},

		{"a slash between two", "0912345678 / 0987654321", []string{lan, hoa}, ""},
		{"a slash without blanks", "0912345678/0987654321", []string{lan, hoa}, ""},
		{"a dash between two", "0912345678 - 0987654321", []string{lan, hoa}, ""},
		{"a blank between two", "0912345678 0987654321", []string{lan, hoa}, ""},
		{"a comma between two", "0912345678,0987654321", []string{lan, hoa}, ""},
		{"two in groups", "0912 345 678 0987 654 321", []string{lan, hoa}, ""},
		{"two in groups, with the code", "84 912 345 678 - 84 987 654 321", []string{lan, hoa}, ""},
		{"a plus begins the second", "+84912345678+84987654321", []string{lan, hoa}, ""},
		{"on two lines", "0912345678\r\n0987654321", []string{lan, hoa}, ""},
		{"a word between two", "0912345678 hoặc 0987654321", []string{lan, hoa}, ""},
		{"two whose zeroes were eaten", "912345678; 987654321", []string{lan, hoa}, ""},
		{"two with names", "0912 345 678 (Lan), 0987 654 321 (Hoa)", []string{lan, hoa}, ""},
		{"two with names and no brackets", "0912345678 Lan - 0987654321 Hoa", []string{lan, hoa}, ""},
		{"a second in brackets", "0912345678 (0987654321)", []string{lan, hoa}, ""},
		{"a foreign one first", "+65 9123 4567 / 0912345678", []string{"+6591234567", lan}, ""},
		{"an old number and a landline", "0165 5809 949; 028 3823 4567", []string{"+84355809949", office}, ""},
		{"the same twice", "0912345678 / +84 912 345 678", []string{lan}, ""},

		{"another that is masked", "0912345678 / 091****678", []string{lan}, masked},
		{"a masked one first", "0****70; 0912345678", []string{lan}, masked},
		{"another that is too short", "0912345678; 12345", []string{lan}, unreadable},
		{"another behind a name", "0912345678; Lan 0987654321", []string{lan}, unreadable},
		{"a remark behind a comma", "0912345678, gọi trước 2 tiếng", []string{lan}, ""},

		// What is not read, since it may be something else.
		{"masked", "091****678", nil, masked},
		{"masked, with a name", "0912xxx678 (Lan)", nil, masked},
		{"masked without blanks around the slash", "0912345678/091****678", nil, masked},
		{"a part that is masked is none", "091 - *** - 2345678", nil, masked},
		{"a name before", "Lan 0912345678", nil, unreadable},
		{"words before", "gọi trước 2 tiếng 0912345678", nil, unreadable},
		{"an order's code", "đơn 0912345678", nil, unreadable},
		{"letters that stick", "DH0912345678", nil, unreadable},
		{"letters that stick behind", "0912345678VN", nil, unreadable},
		{"words that label something else", "SĐT đơn 0912345678", nil, unreadable},
		{"a tax code, which looks the same", "MST: 0312345678", nil, unreadable},
		{"a tax code, said behind", "0312345678 (MST)", nil, unreadable},
		{"a tax code, said behind a comma", "0312345678, mã số thuế", nil, unreadable},
		{"a bank account", "STK 0912345678, SĐT 0987654321", nil, unreadable},
		{"a sentence behind", "0912345678 là mã vận đơn của khách hàng bên kho", nil, unreadable},
		{"an address behind", "0912345678 12 Lê Lợi", nil, unreadable},
		{"a hash", "#0912345678", nil, unreadable},
		{"an address of mail", "0912345678@example.com", nil, unreadable},
		{"a date", "15/09/2025", nil, unreadable},
		{"a time", "2025-09-15 10:04:38", nil, unreadable},
		{"a date before a number", "15/09/2025 0912345678", nil, unreadable},
		{"an amount of money", "350000000 đồng", nil, unreadable},
		{"a zero eaten, with a name", "912345678 (Lan)", nil, unreadable},
		{"a digit too many", "0912345678 9", nil, unreadable},
		{"a digit too many behind a slash", "0912345678 / 9", nil, unreadable},
		{"the end of another number", "028 3823 4567/68", nil, unreadable},
		{"an extension", "028 3823 4567 ext 12", nil, extension},
		{"an extension in brackets", "028 3823 4567 (ext. 12)", nil, extension},
		{"an extension in Vietnamese", "028 3823 4567, máy lẻ 12", nil, extension},
		{"an extension of a scheme", "tel:+84-28-3823-4567;ext=12", nil, extension},
		{"an extension behind an x", "028 3823 4567 x12", nil, masked},
		{"a branch is no extension", "0912345678 (chi nhánh 2)", []string{lan}, ""},
		{"no numbers", "Lan; Hoa", nil, unreadable},
		{"a label alone", "SĐT:", nil, unreadable},
		{"nothing", "", nil, unreadable},
		{"no end of words", "0912345678 " + strings.Repeat("Lan ", 100_000), nil, unreadable},
		{"no end of numbers", strings.Repeat("0912345678 ", 100_000), nil, unreadable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			phones, err := contact.ParsePhones(test.field)
			if got := e164s(phones); !slices.Equal(got, test.want) || codeOf(err) != test.code {
				t.Errorf("ParsePhones(%.100q) = %q, %q, want %q, %q", test.field, got, codeOf(err), test.want, test.code)
			}
			one, err := contact.ParsePhone(test.field)
			switch {
			case len(test.want) == 1 && test.code == "" && (err != nil || one.E164() != test.want[0]):
				t.Errorf("ParsePhone(%q) = %q, %v", test.field, one.E164(), err)
			case len(test.want) > 1 && test.code == "" && codeOf(err) != "phone-several", test.code != "" && codeOf(err) != test.code:
				t.Errorf("ParsePhone(%.100q) fails with %q", test.field, codeOf(err))
			}
		})
	}
}

func e164s(phones []contact.Phone) []string {
	var spelt []string
	for _, phone := range phones {
		spelt = append(spelt, phone.E164())
	}
	return spelt
}

// TestAnySpellingOfAFieldIsOnePhone: whatever people put around a number, and with whichever digits they write it, the
// field has that one number.
func TestAnySpellingOfAFieldIsOnePhone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spelt, want := spell(t)
		field := decorate(t, spelt)
		phones, err := contact.ParsePhones(field)
		if err != nil || len(phones) != 1 || phones[0].E164() != want {
			t.Fatalf("%q has the phones %q, %v, want %q", field, e164s(phones), err, want)
		}
		if phone, err := contact.ParsePhone(field); err != nil || phone != phones[0] {
			t.Fatalf("%q alone is %q, %v", field, phone.E164(), err)
		}
	})
}

// TestSeveralPhonesOfAFieldKeepTheirOrder joins spellings by what people put between two numbers.
func TestSeveralPhonesOfAFieldKeepTheirOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var spelt, want []string
		for range rapid.IntRange(2, 5).Draw(t, "phones") {
			one, e164 := spell(t)
			if rapid.Bool().Draw(t, "decorated") {
				one = decorate(t, one)
			}
			if spelt = append(spelt, one); !slices.Contains(want, e164) {
				want = append(want, e164)
			}
		}
		between := rapid.SampledFrom([]string{";", "; ", " | ", "\n", "\r\n", " & ", " hoặc ", " và "}).Draw(t, "between")
		field := strings.Join(spelt, between)
		phones, err := contact.ParsePhones(field)
		if err != nil || !slices.Equal(e164s(phones), want) {
			t.Fatalf("%q has the phones %q, %v, want %q", field, e164s(phones), err, want)
		}
	})
}

// TestWholeNumbersAreToldApart joins numbers that are written in one piece by what may also stand within one.
func TestWholeNumbersAreToldApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var spelt, want []string
		for range rapid.IntRange(2, 5).Draw(t, "phones") {
			subscriber := rapid.StringMatching(`[35789][0-9]{8}`).Draw(t, "subscriber")
			spelt = append(spelt, rapid.SampledFrom([]string{"0", "+84", "84", "0084"}).Draw(t, "prefix")+subscriber)
			if e164 := "+84" + subscriber; !slices.Contains(want, e164) {
				want = append(want, e164)
			}
		}
		field := strings.Join(spelt, rapid.SampledFrom([]string{" ", "/", " / ", "-", " - ", ",", ", ", "  "}).Draw(t, "between"))
		phones, err := contact.ParsePhones(field)
		if err != nil || !slices.Equal(e164s(phones), want) {
			t.Fatalf("%q has the phones %q, %v, want %q", field, e164s(phones), err, want)
		}
	})
}

// TestNoKeyIsGuessed: a number that was hidden, or that stands behind words nobody knows, is no key, however it is spelt.
func TestNoKeyIsGuessed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subscriber := rapid.StringMatching(`[35789][0-9]{8}`).Draw(t, "subscriber")
		hidden := rapid.IntRange(1, 6).Draw(t, "hidden")
		from := rapid.IntRange(1, len(subscriber)-hidden).Draw(t, "from")
		mask := strings.Repeat(rapid.SampledFrom([]string{"*", "x", "X", "•", "＊"}).Draw(t, "mask"), hidden)
		if from+hidden == len(subscriber) && hidden == 1 {
			mask = "*" // one x at an end hides nothing
		}
		code := rapid.SampledFrom([]string{"DH", "mã ", "đơn số ", "MST ", "CCCD: ", "hoá đơn ", "khách Lan ", "giao 2 giờ, đơn "}).Draw(t, "code")
		for _, field := range []string{
			decorate(t, "0"+subscriber[:from]+mask+subscriber[from+hidden:]),
			code + "0" + subscriber,
		} {
			if phones, err := contact.ParsePhones(field); len(phones) > 0 || err == nil {
				t.Fatalf("%q has the phones %q, %v", field, e164s(phones), err)
			}
		}
	})
}

// spell writes a number of any kind in any spelling.
func spell(t *rapid.T) (spelt, e164 string) {
	if rapid.Bool().Draw(t, "mobile") {
		subscriber := rapid.StringMatching(`[35789][0-9]{8}`).Draw(t, "subscriber")
		return separate(t, rapid.SampledFrom([]string{"0", "+84", "84", "0084", "+840"}).Draw(t, "prefix")+subscriber), "+84" + subscriber
	}
	area := rapid.StringMatching(`2[0-9]{9}`).Draw(t, "landline")
	return separate(t, rapid.SampledFrom([]string{"0", "+84", "0084"}).Draw(t, "prefix")+area), "+84" + area
}

// decorate puts around a number what people write beside it.
func decorate(t *rapid.T, spelt string) string {
	before := rapid.SampledFrom([]string{
		"", " ", "'", "SĐT: ", "sdt ", "Đt", "đt.", "ĐTDĐ: ", "tel:", "TEL ", "Zalo ", "zalo: ", "Phone: ", "Điện thoại: ",
		"Số điện thoại ", "Di động: ", "Hotline ", "LH: ", "Liên hệ ", "Mobile: ", "WhatsApp: ", "(Lan) ", "☎ ", "SĐT/Zalo: ",
	}).Draw(t, "before")
	after := rapid.SampledFrom([]string{
		"", " ", ";", ",", ".", "'", " (Lan)", "(vợ)", " [anh Tuấn]", " Lan", " - Lan", ", chị Hoa", " zalo", " (zalo)", " (gọi sau 17h)", " anh Nguyễn Văn Tuấn",
	}).Draw(t, "after")
	if strings.HasSuffix(before, "t") && strings.HasPrefix(spelt, "+") {
		before += " "
	}
	return before + spelt + after
}

func FuzzParsePhones(f *testing.F) {
	for _, field := range []string{
		"0912345678 / 0987654321", "0912 345 678 (Lan)", "SĐT: 0912345678; zalo 0987654321", "+65 9123 4567 - 0912345678", "0912345678, 12",
		"0912xxx451 / 0912345678", "gọi 0912345678", "028 3823 4567 ext 12", "٠٩١٢٣٤٥٦٧٨", "(((", "+ + +", "()()0912()", "0912345678 (", "½ ㎡ 09",
	} {
		f.Add(field)
	}
	f.Fuzz(func(t *testing.T, field string) {
		phones, err := contact.ParsePhones(field)
		if len(phones) == 0 && codeOf(err) == "" {
			t.Fatalf("no phone, and no problem: %v", err)
		}
		for i, phone := range phones {
			if again, err := contact.ParsePhones(phone.E164()); err != nil || len(again) != 1 || again[0] != phone {
				t.Fatalf("%q reads as %q, %v", phone.E164(), e164s(again), err)
			}
			if slices.Contains(phones[:i], phone) {
				t.Fatalf("%q comes twice", phone.E164())
			}
		}
		if shown := contact.MaskWithin(field); len(phones) > 0 {
			if seen, _ := contact.ParsePhones(shown); len(seen) > 0 {
				t.Fatalf("%q is shown as %q, which has the phones %q", field, shown, e164s(seen))
			}
		}
	})
}
