"""How well do signals work as alarms, against null models?"""
