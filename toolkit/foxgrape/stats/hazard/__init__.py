"""Do signals raise the odds of an event at their place?"""
