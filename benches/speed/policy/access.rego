# What everybody of the company has by who they are, and what must not come together. Sixty-five lines, as a real company might have them.
package provost

import data.acme

employed if input.person.lifecycle.state in {"active", "leave"}

is_lead if regex.match(`(?i)\b(lead|head|director)\b`, input.person.title)

away if not input.person.location in acme.offices

# Roles by rule.
roles contains {"name": "staff", "reason": "works here"} if employed

roles contains {"name": role, "reason": sprintf("works in %s", [input.person.department])} if {
	employed
	some role in acme.departments[input.person.department].roles
}

roles contains {"name": "project-member", "parameters": {"project": project}, "reason": sprintf("works on %s", [project])} if {
	employed
	some project in input.person.attributes.projects
	project in acme.projects
}

# What is no role: accounts and entitlements by rule.
accounts contains {"target": "directory", "reason": "works here"} if employed

accounts contains {"target": "directory", "account": "admin", "reason": "administers the directory"} if {
	some role in held
	role.name == acme.administrators
}

entitlements contains {"target": "chat", "kind": "channel", "name": channel, "reason": sprintf("reports to %s", [manager.userName])} if {
	employed
	some manager in input.managers
	channel := sprintf("team-%s", [lower(manager.userName)])
}

entitlements contains {"target": "directory", "kind": "group", "name": "leads", "reason": "leads people"} if {
	employed
	is_lead
}

entitlements contains {"target": "directory", "kind": "group", "name": "vpn", "reason": "works away from the offices"} if {
	employed
	away
}

entitlements contains {"target": "directory", "kind": "group", "name": concat("-", ["level", level]), "until": end} if {
	some level, end in input.person.attributes.levels
}

# Segregation of duties.
violations contains {
	"rule": sprintf("apart-%d", [number]),
	"message": sprintf("%s together with %s", [pair.one, pair.other]),
	"enforcement": object.get(pair, "enforcement", "report"),
	"entitlements": [pair.other],
} if {
	some number, pair in acme.apart
	every key in [pair.one, pair.other] { key in effective }
}
