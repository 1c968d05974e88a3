# Roles, by binding and by rule, become what is held, and that becomes entitlements.
package provost

# Roles held: {name, parameters, path, …}, by binding (as in input.roles) or by rule.
held contains role if some role in input.roles

held contains {"name": asked.name, "parameters": object.get(asked, "parameters", {}), "path": []} if some asked in roles

held contains {"name": inner, "parameters": handed, "path": [asked.name]} if {
	some asked in roles
	some inner in data.realm.roles[asked.name].closure
	declared := object.get(data.realm.roles[inner], "parameters", {})
	handed := {parameter: value | some parameter, value in object.get(asked, "parameters", {}); declared[parameter]}
}

# What bindings give is ready-made.
entitlements contains grant if {
	some role in input.roles
	some grant in role.grants
}

# What roles by rule give is ready-made too, but for names with parameters.
entitlements contains grant if {
	some asked in roles
	some grant in data.realm.roles[asked.name].grants
}

entitlements contains object.union(template, {"name": strings.replace_n(values, template.name)}) if {
	some asked in roles
	some template in data.realm.roles[asked.name].templates
	values := {sprintf("${%s}", [parameter]): sprintf("%v", [value]) | some parameter, value in object.get(asked, "parameters", {})}
}

# Keys (TARGET/KIND/NAME[:RIGHT]) of all that is asked for or was last seen held: what segregation of duties judges.
effective contains entitlement.key if some entitlement in entitlements

effective contains key_of(entitlement) if {
	some entitlement in entitlements
	not entitlement.key
}

effective contains entitlement.key if some entitlement in input.observed

# The key of {target, kind, name, right}.
key_of(entitlement) := concat("/", [entitlement.target, entitlement.kind, key_name(entitlement.name)]) if not entitlement.right

key_of(entitlement) := sprintf("%s/%s/%s:%s", [entitlement.target, entitlement.kind, key_name(entitlement.name), entitlement.right])

# Only what would be misread is escaped.
key_name(name) := replace(replace(replace(name, "%25", "%2525"), "%3A", "%253A"), ":", "%3A")
