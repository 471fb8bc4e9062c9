# Golden numbers of R's package survival. Run in this folder as `Rscript survival.R`; it writes the
# inputs (in_*.csv) and what R makes of them (out_*.csv). Tests read both; R is not needed for them.
library(survival)
RNGversion("4.0.0")
set.seed(20220910)
full <- function(frame, name) write.csv(format(frame, digits = 15, trim = TRUE), name, row.names = FALSE, quote = FALSE)

# Right-censored leads in three groups, whole days so that there are ties.
n <- 90
lead <- ceiling(rweibull(n, 1.3, 12))
wait <- ceiling(runif(n, 3, 30))
leads <- data.frame(time = pmin(lead, wait), status = as.integer(lead <= wait), group = rep(c("a", "b", "c"), each = n / 3))
leads$time[leads$group == "c"] <- ceiling(leads$time[leads$group == "c"] * 0.6)
full(leads, "in_leads.csv")
fit <- survfit(Surv(time, status) ~ 1, leads, conf.type = "log-log")
full(data.frame(time = fit$time, surv = fit$surv, lower = fit$lower, upper = fit$upper, n_risk = fit$n.risk, n_event = fit$n.event), "out_kaplan_meier.csv")
at <- c(0.1, 0.25, 0.5, 0.75)
told <- quantile(fit, at)
full(data.frame(p = at, quantile = unname(told$quantile), lower = unname(told$lower), upper = unname(told$upper)), "out_quantiles.csv")
means <- sapply(c(7, 14, 20), function(end) summary(fit, rmean = end)$table[c("rmean", "se(rmean)")])
full(data.frame(horizon = c(7, 14, 20), mean = means[1, ], se = means[2, ]), "out_restricted_mean.csv")
test <- survdiff(Surv(time, status) ~ group, leads)
pair <- survdiff(Surv(time, status) ~ group, leads[leads$group != "b", ])
full(data.frame(groups = c("abc", "ac"), chisq = c(test$chisq, pair$chisq), p = c(pchisq(test$chisq, 2, lower.tail = FALSE), pchisq(pair$chisq, 1, lower.tail = FALSE))), "out_log_rank.csv")

# Interval-censored leads: rough ones, exact ones, and some longer than they were watched.
m <- 60
true <- rweibull(m, 1.2, 8)
width <- sample(c(0, 1, 2, 5), m, replace = TRUE)
shift <- runif(m)
low <- pmax(true - shift * width, 0.001)
high <- low + width
watched <- runif(m, 4, 25)
cut <- high > watched & runif(m) < 0.8
low[cut] <- pmin(watched, low)[cut]
high[cut] <- NA
rough <- data.frame(low = round(low, 3), high = round(high, 3))
full(rough, "in_rough.csv")
turn <- survfit(Surv(low, high, type = "interval2") ~ 1, rough)
full(data.frame(time = turn$time, surv = turn$surv), "out_turnbull.csv")

# Competing outcomes: 1 stood, 2 retracted, 0 right-censored.
cause <- data.frame(time = leads$time, cause = ifelse(leads$status == 1, ifelse(runif(n) < 0.25, 2, 1), 0))
full(cause, "in_outcomes.csv")
states <- survfit(Surv(time, factor(cause, 0:2, c("censored", "stood", "retracted"))) ~ 1, cause)
full(data.frame(time = states$time, stood = states$pstate[, 2], retracted = states$pstate[, 3], se_stood = states$std.err[, 2], se_retracted = states$std.err[, 3]), "out_aalen_johansen.csv")

# Risk sets: 80 events, 12 places, a signal and two other terms; each event is a stratum of its own.
events <- 80
places <- 12
sets <- expand.grid(place = seq_len(places), event = seq_len(events))
sets$signal <- rbinom(nrow(sets), 1, 0.15)
sets$near <- round(rnorm(nrow(sets)), 4)
sets$base <- round(rnorm(places), 4)[sets$place]
weight <- exp(0.9 * sets$signal + 0.4 * sets$near + 0.6 * sets$base)
sets$case <- 0L
for (event in seq_len(events)) {
  rows <- which(sets$event == event)
  sets$case[sample(rows, 1, prob = weight[rows])] <- 1L
}
full(sets, "in_risk_sets.csv")
logit <- clogit(case ~ signal + near + base + strata(event), sets, method = "exact")
robust <- coxph(Surv(rep(1, nrow(sets)), case) ~ signal + near + base + strata(event), sets, ties = "breslow", cluster = place)
bare <- clogit(case ~ near + base + strata(event), sets, method = "exact")
full(data.frame(term = names(coef(logit)), coef = unname(coef(logit)), se = sqrt(diag(vcov(logit))), robust_se = sqrt(diag(robust$var)), loglik = logit$loglik[2], loglik_without = bare$loglik[2]), "out_clogit.csv")
writeLines(c(R.version.string, paste("survival", packageVersion("survival"))), "versions.txt")
