package koodrive

import (
	"math"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/registry"
)

// Name is the façade's among the mappings.
const Name = "koodrive"

// The settings of a tenant that the answer shows.
const (
	SettingProductType     = "koodrive.product_type"             // default "1"
	SettingDownloadExpires = "koodrive.package_download_expires" // days, default 7
)

// Mapping says where each field of a quotaUsed answer comes from, in the order in
// which they are written. What numbersOf works out of them is said in Fits.
func Mapping() mapping.Table {
	granted := []string{"deptSpaceQuota", "personalSpaceQuota", "groupSpaceQuota"}
	capacity := quota("spaceCapacity", "GB", driveNode, registry.DriveSpace, mapping.Limit)
	capacity.Within, capacity.Fits = granted, "without a quota of its own it is the sum of the three"
	seats := quota("userMaxCount", "1", driveNode, registry.DriveUsers, mapping.Limit)
	seats.Limitless, seats.Missing = true, most
	seats.Within, seats.Fits = []string{"userCount"}, "never less than userCount"
	days := mapping.Field{Name: "packageDownloadExpires", Call: routeQuotaUsed, Unit: "d", Most: math.MaxInt32, Usual: "7",
		Source: mapping.Source{Kind: mapping.Setting, Setting: SettingDownloadExpires}}
	product := mapping.Field{Name: "productType", Call: routeQuotaUsed, Text: true, Usual: "1",
		Source: mapping.Source{Kind: mapping.Setting, Setting: SettingProductType}}
	return mapping.Table{
		derived("spaceUsed", "KB", "the sum of the three", "deptSpaceUsed", "personalSpaceUsed", "groupSpaceUsed"),
		capacity,
		granting("deptSpaceQuota", deptNode), granting("personalSpaceQuota", personalNode), granting("groupSpaceQuota", groupNode),
		derived("reservedSpaceQuota", "GB", "the first less the others", append([]string{"spaceCapacity"}, granted...)...),
		derived("spaceQuotaUsed", "GB", "the sum of the three", "deptSpaceQuotaUsed", "personalSpaceQuotaUsed", "groupSpaceQuotaUsed"),
		filled("deptSpaceUsed", deptNode), handedOut("deptSpaceQuotaUsed", deptNode, granted[dept]),
		filled("personalSpaceUsed", personalNode), handedOut("personalSpaceQuotaUsed", personalNode, granted[personal]),
		filled("groupSpaceUsed", groupNode), handedOut("groupSpaceQuotaUsed", groupNode, granted[group]),
		quota("userCount", "1", driveNode, registry.DriveUsers, mapping.Used),
		seats,
		days,
		product,
	}
}

// quota is a field read from a quota. Parts of a unit are dropped: a part of a
// gigabyte cannot be handed out as one.
func quota(name, unit string, node usance.Path, meter, value string) mapping.Field {
	return mapping.Field{Name: name, Call: routeQuotaUsed, Unit: unit, Most: most, Rooted: true,
		Source: mapping.Source{Kind: mapping.Quota, Meter: meter, Node: node, Value: value, Round: mapping.Down}}
}

func granting(name string, node usance.Path) mapping.Field {
	f := quota(name, "GB", node, registry.DriveSpace, mapping.Limit)
	f.Within = []string{"spaceCapacity", "deptSpaceQuota", "personalSpaceQuota", "groupSpaceQuota"}
	f.Fits = "limits that sum past spaceCapacity are shown smaller, in proportion; one without a bound takes what the bounded ones leave"
	return f
}

func handedOut(name string, node usance.Path, within string) mapping.Field {
	f := quota(name, "GB", node, registry.DriveSpace, mapping.Allocated)
	f.Within, f.Fits = []string{within}, "never more than "+within
	return f
}

// filled rounds up: a file of one byte fills something.
func filled(name string, node usance.Path) mapping.Field {
	f := quota(name, "KB", node, registry.DriveSpace, mapping.Used)
	f.Most, f.Source.Round = 0, mapping.Up
	return f
}

func derived(name, unit, rule string, of ...string) mapping.Field {
	return mapping.Field{Name: name, Call: routeQuotaUsed, Unit: unit, Source: mapping.Source{Kind: mapping.Derived, Of: of, Rule: rule}}
}
