# What mappings may call.
package acme

login := input.person.userName if input.account == ""

login := sprintf("%s-%s", [input.account, input.person.userName]) if input.account != ""

display_name := input.person.displayName

display_name := sprintf("%s %s", [input.person.name.givenName, input.person.name.familyName]) if {
	not input.person.displayName
}
