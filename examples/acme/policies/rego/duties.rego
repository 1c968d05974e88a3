# What duties are judged by: what is asked for by role and what is held already, together. So a rule sees what is there, and does not
# change its mind when something was withheld.
package duties

effective contains grant.key if {
	some role in input.roles
	some grant in role.grants
}

effective contains held.key if some held in input.observed
