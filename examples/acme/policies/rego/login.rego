# What mappings may call.
package acme

login := input.person.userName if input.account == ""

login := sprintf("%s-%s", [input.account, input.person.userName]) if input.account != ""
