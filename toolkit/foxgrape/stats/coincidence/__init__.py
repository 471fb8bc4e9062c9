"""Do events follow signals more often than chance allows?"""
