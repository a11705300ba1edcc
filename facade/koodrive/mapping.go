package koodrive

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance/registry"
)

// The settings of a tenant that the answer shows.
const (
	SettingProductType     = "koodrive.product_type"             // default "1"
	SettingDownloadExpires = "koodrive.package_download_expires" // days, default 7
)

// Binding says where a field of the answer comes from.
type Binding struct {
	Field  string
	Source string // what is read
	Unit   string // of the field
	append func(dst []byte, f figures, d *registry.Definitions) []byte
}

// Bindings returns the fields of a quotaUsed answer in the order in which they
// are written.
func Bindings() []Binding {
	number := func(field, source, unit string, of func(figures) int64) Binding {
		return Binding{field, source, unit, func(dst []byte, f figures, _ *registry.Definitions) []byte {
			return strconv.AppendInt(dst, of(f), 10)
		}}
	}
	return []Binding{
		number("spaceUsed", "the sum of the three Used fields", "KB", func(f figures) int64 { return sum(f.filled) }),
		number("spaceCapacity", "quota of drive.space at /drive", "GB", func(f figures) int64 { return f.capacity }),
		number("deptSpaceQuota", "quota of drive.space at /drive/dept", "GB", func(f figures) int64 { return f.granted[dept] }),
		number("personalSpaceQuota", "quota of drive.space at /drive/personal", "GB", func(f figures) int64 { return f.granted[personal] }),
		number("groupSpaceQuota", "quota of drive.space at /drive/group", "GB", func(f figures) int64 { return f.granted[group] }),
		number("reservedSpaceQuota", "spaceCapacity less the three quotas", "GB", func(f figures) int64 { return f.reserved }),
		number("spaceQuotaUsed", "the sum of the three QuotaUsed fields", "GB", func(f figures) int64 { return sum(f.handedOut) }),
		number("deptSpaceUsed", "drive.space at and below /drive/dept", "KB", func(f figures) int64 { return f.filled[dept] }),
		number("deptSpaceQuotaUsed", "what /drive/dept hands out to the quotas below it", "GB", func(f figures) int64 { return f.handedOut[dept] }),
		number("personalSpaceUsed", "drive.space at and below /drive/personal", "KB", func(f figures) int64 { return f.filled[personal] }),
		number("personalSpaceQuotaUsed", "what /drive/personal hands out to the quotas below it", "GB", func(f figures) int64 { return f.handedOut[personal] }),
		number("groupSpaceUsed", "drive.space at and below /drive/group", "KB", func(f figures) int64 { return f.filled[group] }),
		number("groupSpaceQuotaUsed", "what /drive/group hands out to the quotas below it", "GB", func(f figures) int64 { return f.handedOut[group] }),
		number("userCount", "drive.users at and below /drive", "1", func(f figures) int64 { return f.users }),
		number("userMaxCount", "quota of drive.users at /drive", "1", func(f figures) int64 { return f.seats }),
		{"packageDownloadExpires", "setting " + SettingDownloadExpires, "d", appendDownloadExpires},
		{"productType", "setting " + SettingProductType, "", appendProductType},
	}
}

func appendDownloadExpires(dst []byte, _ figures, d *registry.Definitions) []byte {
	const usual = 7
	days, err := strconv.ParseInt(d.Setting(SettingDownloadExpires, ""), 10, 32)
	if err != nil || days < 0 {
		days = usual
	}
	return strconv.AppendInt(dst, days, 10)
}

func appendProductType(dst []byte, _ figures, d *registry.Definitions) []byte {
	text := strings.ToValidUTF8(d.Setting(SettingProductType, "1"), "\uFFFD")
	dst, _ = jsontext.AppendQuote(dst, text) // fails for invalid UTF-8 alone
	return dst
}

// appendData appends the answer's data object.
func appendData(dst []byte, bindings []Binding, f figures, d *registry.Definitions) []byte {
	for i, b := range bindings {
		if i == 0 {
			dst = append(dst, '{')
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, b.Field...)
		dst = append(dst, '"', ':')
		dst = b.append(dst, f, d)
	}
	return append(dst, '}')
}
