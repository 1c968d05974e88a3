# Segregation of duties, as data: data.sod is a list of
#   {rule, enforcement: report|withhold|revoke, between: [keys], yields: key, message?}
# where a key is TARGET/KIND/NAME[:RIGHT].
package provost

# All sides are asked for or held: the one that yields is named.
violations contains {
	"rule": pair.rule,
	"message": object.get(pair, "message", sprintf("%s: not together with %s", [pair.yields, concat(", ", others)])),
	"enforcement": object.get(pair, "enforcement", "report"),
	"entitlements": [pair.yields],
} if {
	all := effective
	some pair in data.sod
	pair.yields in all
	every key in pair.between {
		key in all
	}
	others := [key | some key in pair.between; key != pair.yields]
}

# Whether another side is held cannot be known before its target was read: what yields is not granted until then.
violations contains {
	"rule": pair.rule,
	"message": sprintf("%s: it is not known yet whether %s is held", [pair.yields, concat(", ", unknown)]),
	"enforcement": "withhold",
	"entitlements": [pair.yields],
} if {
	count(input.unread) > 0
	all := effective
	some pair in data.sod
	object.get(pair, "enforcement", "report") != "report"
	pair.yields in all
	missing := [key | some key in pair.between; not key in all]
	unknown := [key | some key in missing; split(key, "/")[0] in input.unread]
	count(missing) > 0
	count(missing) == count(unknown)
}
